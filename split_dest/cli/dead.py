"""``split-dest dead``."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest.cli.options import chosen, config_file, destination, example, settings_of
from split_dest.cli.progress import shown
from split_dest.cli.store import store_of
from split_dest.config.settings import Settings
from split_dest.errors import REASONS, RequestRefused
from split_dest.inbox import dead_letters
from split_dest.inbox.dead_letters import DeadLetter
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import impression_item, item
from split_dest.segment import payload, times

_AGO = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment(click.ParamType[int]):
    """A time: ISO 8601, or how long ago, such as 30m, 2h or 7d; its value is in milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Gives the milliseconds."""
        ago = _AGO.fullmatch(str(value))
        if ago:
            return max(1, int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
        moment_ms = times.to_ms(str(value))
        if moment_ms is None:
            self.fail("write a time such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h, 7d", param, ctx)
        return moment_ms


@click.group(epilog=example("split-dest dead list"))
def dead() -> None:
    """Looks at, replays or drops dead letters: messages set aside with their reason."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Dead letters, and what they stand in."""

    settings: Settings
    store: Store
    letters: Iterator[DeadLetter]


def _selecting(command: Callable[..., None]) -> Any:
    """Gives the command the options that choose dead letters; it gets those selected."""

    @config_file
    @destination
    @click.option(
        "--reason", type=click.Choice(sorted(REASONS)), metavar="CODE", help="Only with this reason code."
    )
    @click.option(
        "--since", type=Moment(), help="Only those set aside since then (a time, or 2h for two hours ago)."
    )
    @click.option("--until", type=Moment(), help="Only those set aside before then.")
    @wraps(command)
    def selecting(
        config_path: Path | None,
        destination: str | None,
        reason: str | None,
        since: int | None,
        until: int | None,
        **rest: Any,
    ) -> None:
        settings = settings_of(config_path)
        store = store_of(settings)
        # A letter that dies again while the command runs is not met twice.
        before = store.now_ms() if until is None else until
        letters = (
            letter
            for name in chosen(settings, destination)
            for letter in dead_letters.browse(store, name, reason=reason, since_ms=since, until_ms=before)
        )
        command(selected=Selected(settings, store, letters), **rest)

    return selecting


@dead.command("list", epilog=example("split-dest dead list --destination web-production --since 2h"))
@_selecting
@click.option("--json", "as_json", is_flag=True, help="JSON lines, with the whole message.")
def list_(selected: Selected, as_json: bool) -> None:
    """Lists dead letters, oldest first: id, when, destination, lane, reason, detail."""
    none = True
    for letter in selected.letters:
        none = False
        click.echo(orjson.dumps(_json(letter)) if as_json else _line(letter))
    if none:
        click.echo("no dead letters", err=True)


@dead.command(epilog=example("split-dest dead show 1767225600000-0"))
@config_file
@destination
@click.argument("letter_id", metavar="ID")
def show(config_path: Path | None, destination: str | None, letter_id: str) -> None:
    """Shows one dead letter with its message, which may hold personal data."""
    settings = settings_of(config_path)
    letter = _found(settings, destination, letter_id)
    click.echo(orjson.dumps(_json(letter), option=orjson.OPT_INDENT_2))


def _found(settings: Settings, destination: str | None, letter_id: str) -> DeadLetter:
    if not re.fullmatch(r"\d+-\d+", letter_id):
        raise click.UsageError(f'"{letter_id}" is no id; ids look like 1767225600000-0, see: split-dest dead list')
    store = store_of(settings)
    found = [dead_letters.find(store, name, letter_id) for name in chosen(settings, destination)]
    letters = [letter for letter in found if letter is not None]
    if not letters:
        raise click.ClickException(f"no dead letter {letter_id}")
    if len(letters) > 1:
        # Ids are times, and each destination has its own.
        names = ", ".join(letter.destination for letter in letters)
        raise click.UsageError(f"several have a dead letter {letter_id}: {names}; name one with --destination")
    return letters[0]


@dead.command(epilog=example("split-dest dead replay --reason gave_up --since 1d"))
@_selecting
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def replay(selected: Selected, dry_run: bool) -> None:
    """Puts dead letters back into their lanes, as if they had just been accepted.

    Of a user who was deleted since, an identify call would write the attributes again.
    """
    done = refused = 0
    for letter in shown(selected.letters, "replaying"):
        again = _again(letter, selected.settings)
        if again is None:
            refused += 1
        elif dry_run or dead_letters.replay(selected.store, letter, *again):
            done += 1
            _wake_now_and_then(selected.store, letter, done, dry_run)
    click.echo(f"{done} {'would be ' if dry_run else ''}replayed, {refused} would be refused again and stay")


def _wake_now_and_then(store: Store, letter: DeadLetter, done: int, dry_run: bool) -> None:
    if not dry_run and done % 1000 == 1:
        wake(store, letter.destination)


@dead.command(epilog=example("split-dest dead drop --reason message_too_large --dry-run"))
@_selecting
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def drop(selected: Selected, dry_run: bool) -> None:
    """Drops dead letters for good; they count as filtered from then on."""
    letters = shown(selected.letters, "dropping")
    done = sum(1 for letter in letters if dry_run or dead_letters.drop(selected.store, letter))
    click.echo(f"{done} {'would be ' if dry_run else ''}dropped")


def _again(letter: DeadLetter, settings: Settings) -> tuple[str, bytes] | None:
    """Gives the lane and text with which a letter waits again; None: the door would refuse it again."""
    try:
        (found,) = payload.messages(letter.text)
    except (RequestRefused, ValueError):
        return None
    # The size of any other was judged as it came in.
    most = settings.intake.max_message_bytes if letter.reason == "message_too_large" else None
    if letter.destination in settings.sources:
        taken = impression_item(found, most)
    else:
        taken = item(found, settings.destinations[letter.destination].rules, most)
    lane = letter.lane if letter.lane in taken.lanes else taken.lanes[0]
    # One that nobody could read was set aside as an event; any other has a letter for each of its lanes.
    is_lost = lane != letter.lane and letter.lane != "events"
    return None if taken.reason or is_lost else (lane, taken.text)


def _line(letter: DeadLetter) -> str:
    when = datetime.fromtimestamp(letter.dead_ms / 1000, UTC).isoformat(timespec="seconds")
    return f"{letter.id}  {when}  {letter.destination}  {letter.lane}  {letter.reason}  {letter.detail}"


def _json(letter: DeadLetter) -> dict[str, Any]:
    try:
        shown = orjson.loads(letter.text)
    except orjson.JSONDecodeError:
        shown = letter.text.decode("utf-8", "backslashreplace")
    return {
        "id": letter.id,
        "destination": letter.destination,
        "lane": letter.lane,
        "reason": letter.reason,
        "detail": letter.detail,
        "acceptedMs": letter.accepted_ms,
        "deadMs": letter.dead_ms,
        "message": shown,
    }
