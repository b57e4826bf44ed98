"""The lane ``tracks``: Split's impressions, as track calls to Segment's Tracking API."""

from collections.abc import Mapping, Sequence
from functools import partial

import orjson

from split_dest.config.settings import Source
from split_dest.inbox.drains import Entry
from split_dest.mapping.tracks import kept_out, to_segment
from split_dest.outlets import segment_tracking
from split_dest.split.impressions import Received
from workers import bulk, split_flags
from workers.bulk import Made, Way
from workers.delivery import Calls, Delivery


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> Calls:
    """Maps claimed impressions, and gives the calls that carry them as track calls.

    Raises:
        Refused: Split does not tell a flag's traffic type now.
        SlotLost: the drain may not go on.
        TurnOver: other lanes are to have their turn.
    """
    settings = delivery.runtime.settings
    source = settings.sources[delivery.hold.owner]
    impressions: dict[str, Received] = {}
    wanted: set[str] = set()
    for entry in delivery.mapping(entries):
        impression = impressions[entry.id] = orjson.loads(entry.text)
        if kept_out(impression, source.rules) is None:
            wanted.add(impression["split"])
    traffic_types = split_flags.traffic_types(source, delivery.hold.owner, wanted, delivery.runtime)
    write_key = source.write_key.reveal() if source.write_key else ""
    way = Way(
        make=partial(_made, source, impressions, traffic_types),
        request=partial(segment_tracking.request, settings.segment.url, write_key),
        limits=segment_tracking.LIMITS,
    )
    return bulk.deliver(delivery, entries, way)


def _made(
    source: Source, impressions: Mapping[str, Received], traffic_types: Mapping[str, str], entry: Entry
) -> Made[bytes]:
    impression = impressions[entry.id]
    tracked = to_segment(impression, source.rules, traffic_types.get(impression["split"]))
    return Made([] if tracked.track is None else [orjson.dumps(tracked.track)], tracked.dropped, tracked.notes)
