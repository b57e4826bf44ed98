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
from split_dest.split.merging import merge

#: Stands where a key would.
_KEY = "****"


def of_destination(
    settings: Settings, destination: Destination, mapped: Sequence[Mapped]
) -> Iterator[dict[str, Any]]:
    """Gives the requests that the records make together."""
    limits = bulk.Limits(settings.delivery.batch_max_events, settings.delivery.batch_max_bytes)
    url = settings.split.events_url
    events = [(str(n), [split_events.encode(event) for event in each.events]) for n, each in enumerate(mapped)]
    for call in bulk.calls((pair for pair in events if pair[1]), limits):
        records = (record for parcel in call for record in parcel.records)
        yield _shown(split_events.request(url, _KEY, records))
    made = [(str(n), [split_impressions.encode(i) for i in each.impressions]) for n, each in enumerate(mapped)]
    for calls in bulk.calls((pair for pair in made if pair[1]), limits):
        encoded = (record for parcel in calls for record in parcel.records)
        yield _shown(split_impressions.request(url, _KEY, encoded))
    yield from map(_shown, _identity_requests(settings, destination, mapped))


def of_source(settings: Settings, tracked: Sequence[Tracked]) -> Iterator[dict[str, Any]]:
    """Gives the requests that the track calls make together."""
    made = [(str(n), [orjson.dumps(each.track)]) for n, each in enumerate(tracked) if each.track is not None]
    for call in bulk.calls(made, segment_tracking.LIMITS):
        records = (record for parcel in call for record in parcel.records)
        yield _shown(segment_tracking.request(settings.segment.url, _KEY, records))


def _identity_requests(
    settings: Settings, destination: Destination, mapped: Sequence[Mapped]
) -> Iterator[Request]:
    split, merges = destination.split, destination.rules.identify.mode == "merge"
    workspace = split.workspace_id or "workspace_id"
    account = split_admin.Account(settings.split.admin_url, _KEY, split.admin_header, workspace)
    made = [("", identity) for each in mapped for identity in each.identities]
    for each in merge(made, keep_older=merges):
        # Only Split knows the ids; their names stand here in their place.
        place = split_admin.Place(f"<{each.identity.traffic_type}>", f"<{split.environment or 'environment'}>")
        if each.identity.values is None:
            yield split_admin.identity_request(account, place, each.identity, "DELETE")
        elif merges:
            method = "PUT" if each.replaces else "PATCH"
            yield split_admin.identity_request(account, place, each.identity, method)
        else:
            yield split_admin.bulk_request(account, place, [each.identity])


def _shown(request: Request) -> dict[str, Any]:
    shown = dataclasses.asdict(request)
    del shown["place"]
    return shown | {"body": orjson.loads(request.body) if request.body else None}
