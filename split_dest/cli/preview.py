"""``split-dest preview``."""

import time
import uuid
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest import config
from split_dest.cli import messages
from split_dest.cli.options import config_file, example, known
from split_dest.config.settings import Destination, Settings, Source
from split_dest.mapping import Mapped, to_impressions, to_split
from split_dest.mapping.acceptance import impression_item, item
from split_dest.mapping.tracks import Tracked, to_segment
from split_dest.segment import message, payload, tracking
from split_dest.segment.payload import Unreadable


@click.command(epilog=example("split-dest preview --destination web-production messages.jsonl"))
@config_file
@click.option("--destination", help="By whose rules messages become Split's records.")
@click.option("--source", help="By whose rules impressions become Segment's track calls.")
@click.option(
    "--door",
    type=click.Choice(["webhook", "tracking"]),
    default="webhook",
    show_default=True,
    help="Where they come in: /webhook/… or, from an SDK, /v1/….",
)
@click.option(
    "--call",
    "kind",
    type=click.Choice(sorted(tracking.KINDS)),
    default="batch",
    show_default=True,
    help="Where at the tracking door: /v1/<call>, which says the type of a message that names none.",
)
@click.option("--requests", is_flag=True, help="Print the HTTP requests instead.")
@click.argument("file", default="-")
def preview(
    config_path: Path | None,
    destination: str | None,
    source: str | None,
    door: str,
    kind: str,
    requests: bool,
    file: str,
) -> None:
    """Shows what messages or impressions become, by the code that the workers run; nothing is sent.

    FILE holds one message, an array, an envelope or JSON lines; - is standard input. Each message gives one line:
    its events, identities and impressions, or the reason why it becomes nothing; each impression its track call.
    Keys may be absent.
    """
    if (destination is None) == (source is None):
        raise click.UsageError("give either --destination or --source")
    if requests:
        # Only they need the clients of Split and Segment, whose import is a tenth of the start.
        from split_dest.cli import preview_requests
    settings = config.load(config_path or config.path(), need_secrets=False)
    if source is not None:
        impressions = _of_source(file, settings, settings.sources[known(source, settings.sources, "source")])
        shown = preview_requests.of_source(settings, impressions) if requests else map(_track_line, impressions)
    else:
        rules_of = settings.destinations[known(destination or "", settings.destinations, "destination")]
        mapped = _of_destination(file, _reader(door, kind, settings), settings, rules_of)
        made = [each for _, each in mapped]
        shown = preview_requests.of_destination(settings, rules_of, made) if requests else map(_line, mapped)
    for line in shown:
        click.echo(orjson.dumps(line))


def _reader(door: str, kind: str, settings: Settings) -> messages.Reader | None:
    """Gives how the tracking door reads a body; None: the webhook reads it."""
    most, now_ms = settings.intake.max_message_bytes, int(time.time() * 1000)
    call = tracking.Call(tracking.KINDS[kind], now_ms, most, lambda: str(uuid.uuid4()))
    return None if door == "webhook" else lambda body: tracking.posted(body, call).messages


def _of_destination(
    file: str, reader: messages.Reader | None, settings: Settings, destination: Destination
) -> list[tuple[str | None, Mapped]]:
    # The tracking door judges a message's size as it came in.
    most = settings.intake.max_message_bytes if reader is None else None
    return [_mapped(each, destination, most) for each in messages.read(file, reader or payload.messages)]


def _mapped(
    found: dict[str, Any] | Unreadable, destination: Destination, most: int | None
) -> tuple[str | None, Mapped]:
    taken = item(found, destination.rules, most)
    if taken.reason:
        message_id = found.get("messageId") if isinstance(found, dict) else found.message_id or None
        return message_id, Mapped(dropped=taken.reason)
    restored, now_ms = message.restore(taken.text), int(time.time() * 1000)
    mapped = to_split(restored, destination.rules, now_ms)
    if "impressions" not in taken.lanes:
        return restored.message_id, mapped
    beside = to_impressions(restored, destination.rules, now_ms)
    dropped = mapped.dropped if beside.dropped else None
    return restored.message_id, Mapped(mapped.events, mapped.identities, beside.impressions, dropped)


def _line(result: tuple[str | None, Mapped]) -> dict[str, Any]:
    message_id, mapped = result
    return {
        "messageId": message_id,
        "events": [event.to_json() for event in mapped.events],
        "identities": [identity.to_json() for identity in mapped.identities],
        "impressions": [impression.to_json() for impression in mapped.impressions],
        "dropped": mapped.dropped,
    }


def _of_source(file: str, settings: Settings, source: Source) -> list[Tracked]:
    found = (impression_item(each, settings.intake.max_message_bytes) for each in messages.read(file))
    tracked = [_tracked(each.text, each.reason, source) for each in found]
    if any(each.dropped == "traffic_type_unknown" for each in tracked):
        click.echo("flags that flag_traffic_types does not name: the workers ask Split for them", err=True)
    return tracked


def _tracked(text: bytes, reason: str, source: Source) -> Tracked:
    if reason:
        return Tracked(None, reason)
    impression = orjson.loads(text)
    return to_segment(impression, source.rules, source.rules.flag_traffic_types.get(impression["split"]))


def _track_line(tracked: Tracked) -> dict[str, Any]:
    return {"tracks": [] if tracked.track is None else [tracked.track], "dropped": tracked.dropped}
