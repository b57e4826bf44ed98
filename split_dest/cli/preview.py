"""``split-dest preview``."""

import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
import orjson

from split_dest import config
from split_dest.cli import layout, messages, outcomes
from split_dest.cli.options import EXAMPLES, config_file, example, known
from split_dest.config.settings import Settings
from split_dest.mapping import Mapped
from split_dest.mapping.acceptance import Item, impression_item, item
from split_dest.mapping.rules import Rules, SourceRules
from split_dest.mapping.tracks import Tracked
from split_dest.segment import payload, times, tracking
from split_dest.segment.payload import Unreadable

Result = TypeVar("Result", Mapped, Tracked)
#: A person sees this many properties of an event or attributes of an identity.
_MAX_FIELDS = 20
#: More than a name and a key may have.
_MAX_CHARS = 600


@click.command(epilog=f"{EXAMPLES}\n\n{example('split-dest preview --destination web-production messages.jsonl')}")
@config_file
@click.option("--destination", help="By whose rules messages become Split's records.")
@click.option("--source", help="By whose rules impressions become Segment's track calls.")
@click.option(
    "--endpoint",
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
    help="Where at the tracking endpoint: /v1/<call>, which says the type of a message that names none.",
)
@click.option("--requests", is_flag=True, help="Print the HTTP requests instead.")
@click.argument("file", default="-")
def preview(
    config_path: Path | None,
    destination: str | None,
    source: str | None,
    endpoint: str,
    kind: str,
    requests: bool,
    file: str,
) -> None:
    """Show what messages or impressions become.

    It is done by the code that the endpoint and the workers run. Nothing is sent, and Split is not asked.

    FILE holds one message, an array, an envelope or JSON lines, plain or gzip; - is standard input. Keys may be
    absent.

    A terminal shows each message with what it becomes. Elsewhere each message is a JSON object on a line: its
    messageId; the lists events, identities and impressions (of an impression: tracks); dropped, the reason code if
    the settings filter it; dead, the reason code if the endpoint makes it a dead letter; noted, the codes of what
    was repaired or left out.
    """
    if (destination is None) == (source is None):
        raise click.UsageError("give either --destination or --source")
    if requests:
        # Only they need the clients of Split and Segment, whose import is a tenth of the start.
        from split_dest.cli import preview_requests
    settings = config.load(config_path or config.path(), need_secrets=False)
    if source is not None:
        source_rules = settings.sources[known(source, settings.sources, "source")].rules
        impressions = _of_source(file, settings, source_rules)
        if requests:
            _print_requests(preview_requests.of_source(settings, [each.result for each in impressions]))
        else:
            _show(impressions, _track_json, _track_lines)
    else:
        to = settings.destinations[known(destination or "", settings.destinations, "destination")]
        previews = _of_destination(file, _reader(endpoint, kind, settings, to.write_keys), settings, to.rules)
        if requests:
            _print_requests(preview_requests.of_destination(settings, to, [each.result for each in previews]))
        else:
            _show(previews, _json, _lines)


@dataclass(frozen=True, slots=True)
class _Preview(Generic[Result]):
    """A message and what becomes of it; ``dead`` and ``detail`` say why the endpoint makes it a dead letter."""

    received: Mapping[str, Any]
    result: Result
    dead: str = ""
    detail: str = ""


def _reader(endpoint: str, kind: str, settings: Settings, write_keys: Sequence[str]) -> messages.Reader | None:
    """Return how the tracking endpoint reads a body; None: the webhook reads it."""
    if endpoint == "webhook":
        return None
    max_bytes, now_ms = settings.intake.max_message_bytes, int(time.time() * 1000)
    call = tracking.Call(tracking.KINDS[kind], now_ms, max_bytes, lambda: str(uuid.uuid4()))

    def read(body: bytes) -> list[dict[str, Any] | Unreadable]:
        posted = tracking.posted(body, call)
        # Of a body that holds none of the keys, one is in the header.
        is_named = any(key in write_keys for key in posted.write_keys)
        return posted.only(posted.messages, write_keys) if is_named else posted.messages

    return read


def _of_destination(
    file: str, reader: messages.Reader | None, settings: Settings, rules: Rules
) -> list[_Preview[Mapped]]:
    # The tracking endpoint judges a message's size as it came in.
    max_bytes = settings.intake.max_message_bytes if reader is None else None
    received = messages.read(file, reader or payload.messages)
    return [_of_message(each, item(each, rules, max_bytes), rules) for each in received]


def _of_message(received: dict[str, Any] | Unreadable, taken: Item, rules: Rules) -> _Preview[Mapped]:
    if taken.reason:
        return _Preview(_readable(received), Mapped(), taken.reason, taken.detail)
    return _Preview(orjson.loads(taken.text), outcomes.of_message(taken.text, taken.lanes, rules))


def _readable(received: dict[str, Any] | Unreadable) -> Mapping[str, Any]:
    """Return what can be read of a message that is refused."""
    if not isinstance(received, Unreadable):
        return received
    fields: object = {}
    with suppress(orjson.JSONDecodeError):
        fields = orjson.loads(received.text)
    return (fields if isinstance(fields, dict) else {}) | {"messageId": received.message_id or None}


def _of_source(file: str, settings: Settings, rules: SourceRules) -> list[_Preview[Tracked]]:
    previews = []
    for received in messages.read(file):
        taken = impression_item(received, settings.intake.max_message_bytes)
        if taken.reason:
            previews.append(_Preview(_readable(received), Tracked(None), taken.reason, taken.detail))
        else:
            previews.append(_Preview(orjson.loads(taken.text), outcomes.of_impression(taken.text, rules)))
    if any(each.result.dropped == "traffic_type_unknown" for each in previews):
        click.echo(outcomes.ASKS_SPLIT, err=True)
    return previews


def _print_requests(requests: Iterable[dict[str, Any]]) -> None:
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else None
    for request in requests:
        click.echo(orjson.dumps(request, option=option))


def _show(
    previews: Iterable[_Preview[Result]],
    to_json: Callable[[_Preview[Result]], dict[str, Any]],
    to_lines: Callable[[Result], Iterator[tuple[str, str]]],
) -> None:
    """Print a line of JSON for each message or, in a terminal, what a person reads."""
    is_for_people = sys.stdout.isatty()
    for number, each in enumerate(previews, 1):
        click.echo(_block(number, each, to_lines(each.result)) if is_for_people else orjson.dumps(to_json(each)))


def _json(preview: _Preview[Mapped]) -> dict[str, Any]:
    mapped = preview.result
    return {
        "messageId": preview.received.get("messageId"),
        "events": [event.to_json() for event in mapped.events],
        "identities": [identity.to_json() for identity in mapped.identities],
        "impressions": [impression.to_json() for impression in mapped.impressions],
        "dropped": mapped.dropped,
        "dead": preview.dead or None,
        "noted": mapped.notes,
    }


def _track_json(preview: _Preview[Tracked]) -> dict[str, Any]:
    tracked = preview.result
    tracks = [] if tracked.track is None else [tracked.track]
    return {"tracks": tracks, "dropped": tracked.dropped, "dead": preview.dead or None, "noted": tracked.notes}


def _block(number: int, preview: _Preview[Any], records: Iterable[tuple[str, str]]) -> str:
    """Return what a person sees of a message: what it is, then a line for each thing that becomes of it."""
    what, user = outcomes.subject(preview.received)
    message_id = preview.received.get("messageId")
    heading = [what or "message", user and f"user {user}", message_id and f"id {message_id}"]
    lines = [(name, text) for name, text in records if text]
    if preview.dead:
        lines.append(("dead letter", _sentence(preview.dead, preview.detail)))
    if preview.result.dropped:
        lines.append(("filtered", _sentence(preview.result.dropped)))
    lines += [("noted", _sentence(note)) for note in preview.result.notes]
    columns = layout.width()
    wrapped = (line for name, text in lines for line in layout.wrap(f"   {name:11} {text}", columns, 15))
    return "\n".join([f"{number}. {layout.printable(', '.join(filter(None, heading)), columns)}", *wrapped])


def _sentence(code: str, detail: str = "") -> str:
    where = layout.detail(code, detail)
    return f"{code}: {layout.meaning(code)}" + (f" ({where})" if where else "")


def _lines(mapped: Mapped) -> Iterator[tuple[str, str]]:
    for event in mapped.events:
        value = "" if event.value is None else f", value {event.value}"
        whose = layout.printable(f"{event.event_type_id} of {event.traffic_type_name} {event.key}", _MAX_CHARS)
        yield "event", f"{whose} at {times.to_text(event.timestamp_ms)}{value}"
        yield "", _list(event.properties)
    for identity in mapped.identities:
        deleted = " is deleted" if identity.values is None else ""
        yield "identity", layout.printable(f"{identity.traffic_type} {identity.key}{deleted}", _MAX_CHARS)
        yield "", _list(identity.values or {})
    for seen in mapped.impressions:
        when = times.to_text(seen.timestamp_ms)
        text = f"{seen.key} saw {seen.treatment} of {seen.flag} at {when}"
        yield "impression", layout.printable(text, _MAX_CHARS)


def _track_lines(tracked: Tracked) -> Iterator[tuple[str, str]]:
    if tracked.track is not None:
        id_field = "userId" if "userId" in tracked.track else "anonymousId"
        text = f"{tracked.track['event']} of {id_field} {tracked.track[id_field]} at {tracked.track['timestamp']}"
        yield "track", layout.printable(text, _MAX_CHARS)
        yield "", _list(tracked.track["properties"])


def _list(fields: Mapping[str, Any]) -> str:
    """Return the first fields with their values."""
    pairs = [f"{name}: {orjson.dumps(value).decode()}" for name, value in islice(fields.items(), _MAX_FIELDS)]
    more = [f"and {len(fields) - len(pairs)} more"] if len(fields) > len(pairs) else []
    return ", ".join([*map(layout.printable, pairs), *more])
