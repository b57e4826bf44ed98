"""The lanes of bulk calls: events and impressions to Split's Events API, track calls to Segment's Tracking API.

They differ in what a message becomes; packing, sending, and the search for a bad record by halving are the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic

import orjson

from split_dest.config.settings import Source
from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead
from split_dest.mapping import to_impressions, to_split
from split_dest.mapping.rules import Rules, SourceRules
from split_dest.mapping.tracks import kept_out, to_segment
from split_dest.outlets import segment_tracking, split_events, split_impressions
from split_dest.outlets.bulk import Chunk, Encoded, Limits, calls
from split_dest.outlets.http import Request
from split_dest.outlets.split_impressions import EncodedImpression
from split_dest.segment import message
from split_dest.split.impressions import Received
from workers import split_names
from workers.delivery import Calls, LaneDelivery, MessageRecords


@dataclass(frozen=True, slots=True)
class Route(Generic[Encoded]):
    """How a lane's messages leave: what each becomes, the call that carries records, and how much a call holds."""

    encode: Callable[[Entry], MessageRecords[Encoded]]
    request: Callable[[Iterable[Encoded]], Request]
    limits: Limits


def deliver_events(delivery: LaneDelivery, entries: Sequence[Entry]) -> Calls:
    """Map claimed messages, and return the calls that carry them as events.

    Raises:
        SlotLost, TurnOver: as ``LaneDelivery.map``.
    """
    rules = split_names.rules_with_traffic_types(delivery)
    return _deliver(delivery, entries, _route_to_split(delivery, partial(_events, rules), split_events.request))


def _events(rules: Rules, entry: Entry) -> MessageRecords[bytes]:
    mapped = to_split(message.restore(entry.text), rules, entry.accepted_ms)
    return MessageRecords([split_events.encode(event) for event in mapped.events], mapped.dropped, mapped.notes)


def deliver_impressions(delivery: LaneDelivery, entries: Sequence[Entry]) -> Calls:
    """Map claimed messages, which are exposures, and return the calls that carry them as impressions.

    Raises:
        SlotLost, TurnOver: as ``LaneDelivery.map``.
    """
    encode = partial(_impressions, delivery.destination.rules)
    return _deliver(delivery, entries, _route_to_split(delivery, encode, split_impressions.request))


def _impressions(rules: Rules, entry: Entry) -> MessageRecords[EncodedImpression]:
    mapped = to_impressions(message.restore(entry.text), rules, entry.accepted_ms)
    return MessageRecords(
        [split_impressions.encode(each) for each in mapped.impressions], mapped.dropped, mapped.notes
    )


def _route_to_split(
    delivery: LaneDelivery,
    encode: Callable[[Entry], MessageRecords[Encoded]],
    request: Callable[[str, str, Iterable[Encoded]], Request],
) -> Route[Encoded]:
    settings, sdk_key = delivery.runtime.settings, delivery.destination.split.sdk_key
    return Route(
        encode=encode,
        request=partial(request, settings.split.events_url, sdk_key.reveal() if sdk_key else ""),
        limits=Limits(settings.delivery.batch_max_events, settings.delivery.batch_max_bytes),
    )


def deliver_tracks(delivery: LaneDelivery, entries: Sequence[Entry]) -> Calls:
    """Map claimed impressions, and return the calls that carry them to Segment as track calls.

    Raises:
        Refused: Split does not say a flag's traffic type now.
        SlotLost, TurnOver: as ``LaneDelivery.map``.
    """
    source = delivery.source
    parsed = delivery.map(entries, partial(_parsed, source.rules))
    flags = {flag for _, _, flag in parsed if flag is not None}
    received = {entry_id: impression for entry_id, impression, _ in parsed}
    traffic_types = split_names.flag_traffic_types(delivery, flags)
    write_key = source.write_key.reveal() if source.write_key else ""
    route = Route(
        encode=partial(_tracks, source, received, traffic_types),
        request=partial(segment_tracking.request, delivery.runtime.settings.segment.url, write_key),
        limits=segment_tracking.LIMITS,
    )
    return _deliver(delivery, entries, route)


def _parsed(rules: SourceRules, entry: Entry) -> tuple[str, Received, str | None]:
    """Return a message's id, its impression, and the flag whose traffic type it needs."""
    impression = orjson.loads(entry.text)
    return entry.id, impression, impression["split"] if kept_out(impression, rules) is None else None


def _tracks(
    source: Source, received: Mapping[str, Received], traffic_types: Mapping[str, str], entry: Entry
) -> MessageRecords[bytes]:
    impression = received[entry.id]
    traffic_type = traffic_types.get(impression["split"])
    tracked = to_segment(impression, source.rules, traffic_type, entry.accepted_ms)
    records = [] if tracked.track is None else [orjson.dumps(tracked.track)]
    return MessageRecords(records, tracked.dropped, tracked.notes)


def _deliver(delivery: LaneDelivery, entries: Sequence[Entry], route: Route[Encoded]) -> Calls:
    filtered, messages = delivery.map_messages(entries, route.encode)
    return partial(_send_all, delivery, filtered, messages, route)


def _send_all(
    delivery: LaneDelivery,
    filtered: Sequence[Outcome],
    messages: Sequence[tuple[str, Sequence[Encoded]]],
    route: Route[Encoded],
) -> None:
    delivery.lease.settle(filtered)
    for call in calls(messages, route.limits):
        _send(delivery, call, route)


def _send(delivery: LaneDelivery, call: Sequence[Chunk[Encoded]], route: Route[Encoded]) -> None:
    delivery.ensure_may_call()
    try:
        delivery.runtime.http.send(route.request(record for chunk in call for record in chunk.records))
    except Refused as refused:
        if refused.remedy is not Remedy.HALVE:
            raise
        _halve(delivery, call, route, refused)
    else:
        delivery.settle(delivery.delivered(chunk.entry_id) for chunk in call if chunk.is_last)


def _halve(
    delivery: LaneDelivery, call: Sequence[Chunk[Encoded]], route: Route[Encoded], refused: Refused
) -> None:
    if len(call) == 1:
        delivery.settle([dead(call[0].entry_id, refused.code, refused.detail, refused.words)])
        return
    middle = len(call) // 2
    _send(delivery, call[:middle], route)
    _send(delivery, call[middle:], route)
