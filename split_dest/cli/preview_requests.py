"""The HTTP requests that ``preview --requests`` prints."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from split_dest.config.settings import Destination, Settings
from split_dest.mapping import Mapped
from split_dest.mapping.tracks import Tracked
from split_dest.outlets import bulk, segment_tracking, split_admin, split_events, split_impressions
from split_dest.outlets.http import Request
from split_dest.split.merging import bulks, merge

#: Stands where a key would.
_KEY = "****"


def of_destination(
    settings: Settings, destination: Destination, mapped: Sequence[Mapped]
) -> Iterator[dict[str, Any]]:
    """Yield the requests that the records make together."""
    limits = bulk.Limits(settings.delivery.batch_max_events, settings.delivery.batch_max_bytes)
    url = settings.split.events_url
    events = [(str(n), [split_events.encode(event) for event in each.events]) for n, each in enumerate(mapped)]
    for call in bulk.calls((pair for pair in events if pair[1]), limits):
        records = (record for parcel in call for record in parcel.records)
        yield _shown(split_events.request(url, _KEY, records))
    exposed = [(str(n), [split_impressions.encode(i) for i in each.impressions]) for n, each in enumerate(mapped)]
    for calls in bulk.calls((pair for pair in exposed if pair[1]), limits):
        encoded = (record for parcel in calls for record in parcel.records)
        yield _shown(split_impressions.request(url, _KEY, encoded))
    yield from map(_shown, _identity_requests(settings, destination, mapped))


def of_source(settings: Settings, tracked: Sequence[Tracked]) -> Iterator[dict[str, Any]]:
    """Yield the requests that the track calls make together."""
    tracks = [(str(n), [orjson.dumps(each.track)]) for n, each in enumerate(tracked) if each.track is not None]
    for call in bulk.calls(tracks, segment_tracking.LIMITS):
        records = (record for parcel in call for record in parcel.records)
        yield _shown(segment_tracking.request(settings.segment.url, _KEY, records))


def _identity_requests(
    settings: Settings, destination: Destination, mapped: Sequence[Mapped]
) -> Iterator[Request]:
    merges, split = destination.rules.identify.mode == "merge", destination.split
    workspace = split.workspace_id or "workspace_id"
    account = split_admin.Account(settings.split.admin_url, _KEY, split.admin_header, workspace)
    merged = merge([("", identity) for each in mapped for identity in each.identities], keep_older=merges)
    for each in merged:
        if merges or each.identity.values is None:
            method = "DELETE" if each.identity.values is None else "PUT" if each.replaces else "PATCH"
            place = _place(destination, each.identity.traffic_type)
            yield split_admin.identity_request(account, place, each.identity, method)
    replacing = [each for each in merged if not merges and each.identity.values is not None]
    for calls in bulks(replacing, split_admin.BULK_MAX, split_admin.BULK_MAX_CHARS):
        identities = [each.identity for each in calls]
        yield split_admin.bulk_request(account, _place(destination, identities[0].traffic_type), identities)


def _place(destination: Destination, traffic_type: str) -> split_admin.IdentityScope:
    # Only Split knows the ids; their names stand here in their place.
    environment = destination.split.environment or "environment"
    return split_admin.IdentityScope(f"<{traffic_type}>", f"<{environment}>")


def _shown(request: Request) -> dict[str, Any]:
    shown = dataclasses.asdict(request)
    del shown["place"]
    return shown | {"body": orjson.loads(request.body) if request.body else None}
