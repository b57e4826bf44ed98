"""``split-dest preview``."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest import config
from split_dest.cli import messages
from split_dest.cli.options import chosen, config_file, example
from split_dest.config.settings import Destination, Settings
from split_dest.mapping import Mapped, to_split
from split_dest.mapping.acceptance import item
from split_dest.outlets import bulk, split_admin, split_events
from split_dest.outlets.http import Request
from split_dest.segment import message
from split_dest.segment.payload import Unreadable
from split_dest.split.merging import merge


@click.command(epilog=example("split-dest preview --destination web-production messages.jsonl"))
@config_file
@click.option("--destination", required=True, help="By whose rules.")
@click.option("--requests", is_flag=True, help="Print the HTTP requests instead.")
@click.argument("file", default="-")
def preview(config_path: Path | None, destination: str, requests: bool, file: str) -> None:
    """Shows what messages become in Split, by the code that the workers run; nothing is sent.

    FILE holds one message, an array, an envelope or JSON lines; - is standard input. Each message gives one line:
    its events, identities and impressions, or the reason why it becomes nothing. Keys may be absent.
    """
    settings = config.load(config_path or config.path(), need_secrets=False)
    (name,) = chosen(settings, destination)
    results = [_result(found, settings, settings.destinations[name]) for found in messages.read(file)]
    if requests:
        for request in _requests(settings, settings.destinations[name], [mapped for _, mapped in results]):
            click.echo(orjson.dumps(_shown(request)))
    else:
        for message_id, mapped in results:
            click.echo(orjson.dumps(_line(message_id, mapped)))


def _result(
    found: dict[str, Any] | Unreadable, settings: Settings, destination: Destination
) -> tuple[str | None, Mapped]:
    taken = item(found, destination.rules, settings.intake.max_message_bytes)
    message_id = found.get("messageId") if isinstance(found, dict) else None
    if taken.reason:
        return message_id, Mapped(dropped=taken.reason)
    mapped = to_split(message.restore(taken.text), destination.rules, int(time.time() * 1000))
    return taken.message_id, mapped


def _line(message_id: str | None, mapped: Mapped) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "events": [event.to_json() for event in mapped.events],
        "identities": [identity.to_json() for identity in mapped.identities],
        "impressions": [],
        "dropped": mapped.dropped,
    }


def _requests(settings: Settings, destination: Destination, mapped: list[Mapped]) -> Iterator[Request]:
    limits = bulk.Limits(settings.delivery.batch_max_events, settings.delivery.batch_max_bytes)
    encoded = ((str(n), [split_events.encode(event) for event in each.events]) for n, each in enumerate(mapped))
    for call in bulk.calls((pair for pair in encoded if pair[1]), limits):
        events = (event for parcel in call for event in parcel.records)
        yield split_events.request(settings.split.events_url, "****", events)
    yield from _identity_requests(settings, destination, mapped)


def _identity_requests(settings: Settings, destination: Destination, mapped: list[Mapped]) -> Iterator[Request]:
    split, merges = destination.split, destination.rules.identify.mode == "merge"
    workspace = split.workspace_id or "workspace_id"
    account = split_admin.Account(settings.split.admin_url, "****", split.admin_header, workspace)
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
