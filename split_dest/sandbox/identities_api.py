"""The identities of Split's Admin API: bulk, overwrite, merge, delete.

Source: reference split.md, sections 2.1 and 2.2.
"""

from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, request

from split_dest.sandbox import limits
from split_dest.sandbox.access import require_admin_key
from split_dest.sandbox.answers import Refused, answer, read_array, read_json
from split_dest.sandbox.catalogue import find_environment
from split_dest.sandbox.state import Place, Record, current
from split_dest.sandbox.traffic import failing_keys

blueprint = Blueprint(
    "identities_api",
    __name__,
    url_prefix="/internal/api/v2/trafficTypes/<traffic_type>/environments/<environment>/identities",
)
blueprint.before_request(require_admin_key)


@blueprint.post("")
def save_many(traffic_type: str, environment: str) -> Response:
    """Create or overwrite up to 100 identities; those that can't be are named in ``failed``, the others stand."""
    place = _place(traffic_type, environment)
    given = read_array(request.get_data())
    if len(given) > limits.MAX_IDENTITIES:
        raise Refused(400, f"more than {limits.MAX_IDENTITIES} identities")
    saved, failed = _sort(place, given)
    for identity in saved:
        current().identities.save(place, identity["key"], identity["values"])
    _record("POST", place, saved)
    objects = [_identity(place, identity["key"], identity["values"]) for identity in saved]
    return answer({"objects": objects, "failed": failed, "metadata": {}})


@blueprint.put("/<key>")
def save(traffic_type: str, environment: str, key: str) -> Response:
    """Create or overwrite one identity."""
    place = _place(traffic_type, environment)
    given = _given(place, unquote(key))
    current().identities.save(place, given["key"], given["values"])
    _record("PUT", place, [given])
    return answer(_identity(place, given["key"], given["values"]))


@blueprint.patch("/<key>")
@blueprint.post("/<key>/patch")
def merge(traffic_type: str, environment: str, key: str) -> Response:
    """Overwrite the given values of one identity and leave the others; 404 when it is absent.

    The second route is the older name, which Split's own client still calls.
    """
    place = _place(traffic_type, environment)
    given = _given(place, unquote(key))
    merged = current().identities.merge(place, given["key"], given["values"])
    if merged is None:
        raise Refused(404, "no such identity")
    _record("PATCH", place, [given])
    return answer(_identity(place, given["key"], merged))


@blueprint.delete("/<key>")
def delete(traffic_type: str, environment: str, key: str) -> Response:
    """Remove one identity: 204, or 404 when it is absent."""
    place = _place(traffic_type, environment)
    if not current().identities.delete(place, unquote(key)):
        raise Refused(404, "no such identity")
    _record("DELETE", place, [{"key": unquote(key), "values": {}}])
    return Response(status=204)


@blueprint.get("/<key>")
def look(traffic_type: str, environment: str, key: str) -> Response:
    """Return one identity as it stands, for looking; Split itself documents no such call."""
    place = _place(traffic_type, environment)
    values = current().identities.get(place, unquote(key))
    if values is None:
        raise Refused(404, "no such identity")
    return answer(_identity(place, unquote(key), values))


def _place(traffic_type_id: str, environment_id: str) -> Place:
    traffic_type = current().catalogue.traffic_type(unquote(traffic_type_id))
    environment = find_environment(unquote(environment_id))
    if traffic_type is None:
        raise Refused(404, "no such traffic type")
    if environment is None:
        raise Refused(404, "no such environment")
    return Place(traffic_type, environment)


def _given(place: Place, key: str) -> Record:
    identity = read_json(request.get_data())
    rule = _broken_rule(place, identity)
    if rule is None and identity["key"] != key:
        rule = "key must be the key in the path"
    if rule is not None:
        raise Refused(400, rule, rule=rule)
    return dict(identity)


def _sort(place: Place, given: list[Any]) -> tuple[list[Record], list[Record]]:
    saved: list[Record] = []
    failed: list[Record] = []
    failing = failing_keys()
    for identity in given:
        rule = _broken_rule(place, identity)
        if rule is None and identity["key"] not in failing:
            saved.append(identity)
        else:
            status = 400 if rule is not None else failing[identity["key"]]
            failed.append({"object": identity, "status": status, "message": rule or "a fault was asked for"})
    return saved, failed


def _broken_rule(place: Place, identity: Any) -> str | None:
    rule = limits.broken_identity_rule(identity)
    if rule is None and any(identity.get(name, here) != here for name, here in _ids(place).items()):
        return "trafficTypeId and environmentId must be those in the path"
    return rule


def _ids(place: Place) -> dict[str, str]:
    return {"trafficTypeId": place.traffic_type.id, "environmentId": place.environment.id}


def _identity(place: Place, key: str, values: Record) -> Record:
    return {**_ids(place), "key": key, "values": values}


def _record(method: str, place: Place, identities: list[Record]) -> None:
    names = {"trafficType": place.traffic_type.name, "environment": place.environment.name}
    where = {"method": method, **_ids(place), **names}
    received = [{**where, "key": identity["key"], "values": identity["values"]} for identity in identities]
    current().received.add("identities", received)
