"""Split's events API: events and impressions, taken whole or not at all.

Source: reference split.md, sections 1 and 7.
"""

from typing import Any

from flask import Blueprint, Response, request

from split_dest.sandbox import limits
from split_dest.sandbox.access import require_sdk_key
from split_dest.sandbox.answers import Refused, read_array, read_json
from split_dest.sandbox.state import Record, current

blueprint = Blueprint("events_api", __name__, url_prefix="/api")
blueprint.before_request(require_sdk_key)


@blueprint.post("/events")
def one_event() -> Response:
    """Take one event: 202, 400 with the broken rule, or 413."""
    return _take_events([read_json(_body())])


@blueprint.post("/events/bulk")
def many_events() -> Response:
    """Take an array of events: 202, 400 with the first broken rule, or 413."""
    events = read_array(_body())
    if len(events) > limits.MAX_EVENTS:
        raise Refused(400, f"more than {limits.MAX_EVENTS} events")
    return _take_events(events)


@blueprint.post("/testImpressions/bulk")
def many_impressions() -> Response:
    """Take impressions in the SDKs' form: 200, 400 with the first broken rule, or 413.

    Each is kept flat: its fields and ``f``, the flag.
    """
    groups = enumerate(read_array(_body()))
    impressions = [impression for index, group in groups for impression in _flat(index, group)]
    current().received.add("impressions", impressions)
    return Response(status=200)


def _body() -> bytes:
    body = request.get_data()
    if len(body) > limits.MAX_BODY_BYTES:
        raise Refused(413, f"the body is over {limits.MAX_BODY_BYTES} bytes")
    return body


def _take_events(events: list[Any]) -> Response:
    names = current().catalogue.event_names()
    for index, event in enumerate(events):
        rule = limits.broken_event_rule(event, names)
        if rule is not None:
            raise Refused(400, f"event {index}: {rule}", index=index, rule=rule)
    current().received.add("events", events)
    return Response(status=202)


def _flat(index: int, group: object) -> list[Record]:
    if not isinstance(group, dict) or not isinstance(group.get("f"), str) or not isinstance(group.get("i"), list):
        rule = "impressions of a flag are an object of f, a string, and i, an array"
        raise Refused(400, f"flag {index}: {rule}", index=index, rule=rule)
    for item, impression in enumerate(group["i"]):
        broken = limits.broken_impression_rule(impression)
        if broken is not None:
            raise Refused(400, f"flag {index}, impression {item}: {broken}", index=index, item=item, rule=broken)
    return [{"f": group["f"], **impression} for impression in group["i"]]
