"""The lane ``tracks``: Split's impressions, as track calls to Segment's Tracking API."""

from collections.abc import Mapping, Sequence
from functools import partial

import orjson

from split_dest.config.settings import Source
from split_dest.inbox import names
from split_dest.inbox.drains import Entry
from split_dest.inbox.names import Names
from split_dest.mapping.tracks import to_segment
from split_dest.outlets import segment_tracking, split_admin
from split_dest.split.impressions import Received
from workers import bulk, split_names
from workers.bulk import Made, Way
from workers.delivery import Delivery
from workers.runtime import Runtime

#: For a flag that nobody knows Split is asked at most so often.
_ASK_AGAIN_MS = 60_000


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> None:
    """Delivers claimed impressions as track calls.

    Raises:
        Refused: Segment takes no calls now, or Split does not tell a flag's traffic type; what is not settled
            stays claimed.
        SlotLost: the drain may not go on.
    """
    settings = delivery.runtime.settings
    source = settings.sources[delivery.hold.owner]
    impressions = {entry.id: orjson.loads(entry.text) for entry in entries}
    wanted = {str(impression["split"]) for impression in impressions.values()}
    traffic_types = _traffic_types(source, delivery.hold.owner, wanted, delivery.runtime)
    write_key = source.write_key.reveal() if source.write_key else ""
    way = Way(
        make=partial(_made, source, impressions, traffic_types),
        request=partial(segment_tracking.request, settings.segment.url, write_key),
        limits=segment_tracking.LIMITS,
    )
    bulk.deliver(delivery, entries, way)


def _made(
    source: Source, impressions: Mapping[str, Received], traffic_types: Mapping[str, str], entry: Entry
) -> Made[bytes]:
    impression = impressions[entry.id]
    tracked = to_segment(impression, source.rules, traffic_types.get(impression["split"]))
    return Made([] if tracked.track is None else [orjson.dumps(tracked.track)], tracked.dropped, tracked.notes)


def _traffic_types(source: Source, name: str, wanted: set[str], runtime: Runtime) -> Mapping[str, str]:
    """Gives the traffic types of flags: as the settings say, else as Split said last, else as it says now.

    Raises:
        Refused: Split does not tell.
    """
    listed = source.rules.flag_traffic_types
    account = split_names.account(source.split, runtime)
    if wanted <= set(listed) or account is None:
        return listed
    kept, now_ms = names.get(runtime.store, name), runtime.store.now_ms()
    known = set(listed) | set(kept.flags if kept else ())
    if kept is None or (not wanted <= known and now_ms - kept.asked_ms >= _ASK_AGAIN_MS):
        kept = Names(now_ms, flags=split_admin.flag_traffic_types(runtime.http, account))
        names.put(runtime.store, name, kept)
    return {**kept.flags, **listed}
