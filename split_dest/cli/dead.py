"""``split-dest dead``."""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest.cli import layout, outcomes
from split_dest.cli.options import chosen, config_file, destination, example, settings_of
from split_dest.cli.progress import shown
from split_dest.cli.store import reached_store
from split_dest.config.settings import Settings
from split_dest.inbox import dead_letters, lanes, owners
from split_dest.inbox.dead_letters import DeadLetter
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.segment import times

_AGO = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COLUMNS = ("id", "when", "destination", "endpoint", "lane", "reason", "detail", "message", "user")
_NONE = "no dead letters"
#: This many letters are aligned together.
_PAGE = 500


class Moment(click.ParamType[int]):
    """A time: ISO 8601, or how long ago, such as 30m, 2h or 7d; its value is in milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the milliseconds."""
        ago = _AGO.fullmatch(str(value))
        if ago:
            return max(1, int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
        moment_ms = times.to_ms(str(value))
        if moment_ms is None:
            self.fail("write a time such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h, 7d", param, ctx)
        return moment_ms


@click.group(epilog=example("split-dest dead list"))
def dead() -> None:
    """Look at, replay or drop dead letters.

    They are messages that were not delivered, kept with the reason until a person replays or drops them.
    """


@dataclass(frozen=True, slots=True)
class Selected:
    """Dead letters, each time from the first one, and what they stand in."""

    settings: Settings
    store: Store
    letters: Callable[[], Iterator[DeadLetter]]


def _selecting(command: Callable[..., None]) -> Any:
    """Return the command with the options that narrow dead letters down; it gets those selected."""

    @config_file
    @destination
    @click.option(
        "--endpoint",
        type=click.Choice(dead_letters.ENDPOINTS),
        help="Only those that this endpoint received. tracking: by a write key, which is public.",
    )
    @click.option("--lane", type=click.Choice(sorted(lanes.SLOTS)), help="Only those of this lane.")
    @click.option(
        "--reason",
        type=click.Choice(dead_letters.CODES),
        metavar="CODE",
        help="Only those with this reason code.",
    )
    @click.option("--since", type=Moment(), help="Only those that died since then: a time, or 2h for 2 hours ago.")
    @click.option("--until", type=Moment(), help="Only those that died before then.")
    @wraps(command)
    def selecting(
        config_path: Path | None, destination: str | None, since: int | None, until: int | None, **options: Any
    ) -> None:
        filters = {name: options.pop(name) for name in ("endpoint", "lane", "reason")}
        filters |= {"since_ms": since, "until_ms": until}
        ids, everything = options.pop("letter_ids", ()), options.pop("everything", True)
        _check_choice(
            bool(ids), any(value is not None for value in filters.values()), bool(destination), everything
        )
        settings = settings_of(config_path)
        store = reached_store(settings)
        names = _named(settings, store, destination)
        # A letter that dies while the command runs is neither met twice nor dropped without having been counted.
        ends = {name: dead_letters.last_id(store, name) for name in names}
        by_id = [_by_id(store, names, letter_id) for letter_id in dict.fromkeys(ids)]
        command(selected=Selected(settings, store, partial(_browse, store, ends, filters, by_id)), **options)

    return selecting


def _check_choice(has_ids: bool, has_filter: bool, has_destination: bool, everything: bool) -> None:
    """Make sure that it was said in one way which letters; --destination may stand beside ids, which it narrows.

    Raises:
        click.UsageError: it was not said, or in two ways.
    """
    if has_ids and (has_filter or everything):
        raise click.UsageError("give ids, or options that narrow dead letters down, or --all")
    if not (has_ids or has_filter or has_destination or everything):
        raise click.UsageError(
            "which dead letters? Give ids, --destination, --endpoint, --lane, --reason, --since or --until,"
            " or --all"
        )


def _named(settings: Settings, store: Store, name: str | None) -> Sequence[str]:
    """Return the named destination or source, or all, with those that the settings name no more.

    Raises:
        click.UsageError: there is none of the name.
    """
    names = (*settings.destinations, *settings.sources)
    # One that was removed before its name was written down is found by its letters alone.
    if name is not None and name not in names and owners.left(store, [name])[0].dead:
        return (name,)
    if name:
        return chosen(settings, name)
    unlisted = owners.unlisted(store, lanes.of(settings.destinations, settings.sources))
    return tuple(dict.fromkeys((*names, *unlisted)))


def _browse(
    store: Store, ends: Mapping[str, str], filters: dict[str, Any], by_id: Sequence[DeadLetter]
) -> Iterator[DeadLetter]:
    """Yield the letters by their ids or, without any, those of each owner up to the id where it ends."""
    if by_id:
        yield from by_id
        return
    for name, last_id in ends.items():
        yield from dead_letters.browse(store, name, **filters, last_id=last_id)


def _acting(command: Callable[..., None]) -> Any:
    """Return the command with the ids and options of those that change something."""
    command = click.option("--yes", is_flag=True, help="Do it without a question.")(command)
    command = click.option("--dry-run", is_flag=True, help="Only say what would be done.")(command)
    command = click.option("--all", "everything", is_flag=True, help="All dead letters.")(command)
    return click.argument("letter_ids", metavar="[ID]...", nargs=-1)(command)


@dead.command("list", epilog=example("split-dest dead list --destination web-production --since 2h"))
@_selecting
@click.option("--json", "as_json", is_flag=True, help="JSON lines, with the whole message.")
def list_(selected: Selected, as_json: bool) -> None:
    """List dead letters, oldest first, and how many there are for each reason.

    The columns message and user come from the message itself: they may hold personal data.
    """
    letters, counts = selected.letters(), Counter[str]()
    if as_json:
        for letter in letters:
            counts[letter.reason] += 1
            click.echo(orjson.dumps(_json(letter)))
    else:
        columns = layout.width()
        while page := list(islice(letters, _PAGE)):
            click.echo("\n".join(_page(page, columns, with_head=not counts)))
            counts.update(letter.reason for letter in page)
        if counts:
            click.echo("\n".join(["", *_summary(counts, columns)]))
    if not counts:
        click.echo(_NONE, err=True)


def _page(letters: Sequence[DeadLetter], columns: int, *, with_head: bool) -> list[str]:
    """Return letters as a table or, where that is too wide, as two lines each."""
    rows = [_row(letter) for letter in letters]
    lines = layout.table([_COLUMNS, *rows], gap=2)
    if layout.fit(lines, columns):
        return lines if with_head else lines[1:]
    return [line for row in rows for line in _block(row, columns)]


def _row(letter: DeadLetter) -> tuple[str, ...]:
    subject = outcomes.subject(_read(letter))
    what, user = (layout.printable(text) or "-" for text in subject)
    detail = layout.printable(layout.said(letter.reason, letter.detail, letter.words)) or "-"
    origin = letter.destination, letter.endpoint or "-", letter.lane
    return letter.id, _when(letter), *origin, letter.reason, detail, what, user


def _block(row: Sequence[str], columns: int) -> list[str]:
    letter_id, when, owner, endpoint, lane, reason, detail, what, user = row
    where = "" if detail == "-" else f" ({detail})"
    subject = [f"{name} {text}" for name, text in (("message", what), ("user", user)) if text != "-"]
    first = layout.wrap(f"{letter_id} {when} {owner} {endpoint} {lane}", columns)
    return [*first, *layout.wrap("    " + "; ".join([f"{reason}{where}", *subject]), columns)]


def _summary(counts: Counter[str], columns: int) -> Iterator[str]:
    listed = ", ".join(f"{reason} {number:,}" for reason, number in counts.most_common())
    yield from layout.wrap(f"{_letters(counts.total())}: {listed}", columns)
    yield from layout.meanings(counts, columns)


def _letters(number: int) -> str:
    return layout.counted(number, "dead letter")


@dead.command(epilog=example("split-dest dead show 1767225600000-0"))
@config_file
@destination
@click.argument("letter_id", metavar="ID")
def show(config_path: Path | None, destination: str | None, letter_id: str) -> None:
    """Show one dead letter with its message, which may hold personal data."""
    settings = settings_of(config_path)
    store = reached_store(settings)
    letter = _by_id(store, _named(settings, store, destination), letter_id)
    shape = {
        "id": letter.id,
        "destination": letter.destination,
        "endpoint": letter.endpoint or None,
        "lane": letter.lane,
        "reason": letter.reason,
        "meaning": layout.meaning(letter.reason),
        "detail": layout.detail(letter.reason, letter.detail),
        "words": letter.words,
        "accepted": times.to_text(letter.accepted_ms),
        "died": times.to_text(letter.dead_ms),
        "message": _message(letter),
    }
    click.echo(orjson.dumps(shape, option=orjson.OPT_INDENT_2))


def _by_id(store: Store, names: Iterable[str], letter_id: str) -> DeadLetter:
    if not re.fullmatch(r"\d+-\d+", letter_id):
        raise click.UsageError(f'"{letter_id}" is no id; ids look like 1767225600000-0, see: split-dest dead list')
    each = (dead_letters.find(store, name, letter_id) for name in names)
    letters = [letter for letter in each if letter is not None]
    if not letters:
        raise click.ClickException(f"no dead letter {letter_id}")
    if len(letters) > 1:
        # Ids are times, and each destination has its own.
        owners = ", ".join(letter.destination for letter in letters)
        raise click.UsageError(f"several have a dead letter {letter_id}: {owners}; name one with --destination")
    return letters[0]


@dead.command(epilog=example("split-dest dead replay --reason gave_up --since 1d --dry-run"))
@_selecting
@_acting
def replay(selected: Selected, dry_run: bool, yes: bool) -> None:
    """Put dead letters back into their lanes, as if they had just been accepted.

    What the endpoint would refuse again stays. --dry-run says what would become of each, by the rules of today;
    Split itself is not asked. Of a user who was deleted since, an identify call would write the attributes again.
    """
    if dry_run:
        _tell(Counter(result.verb for result in _say_each(selected)), is_result=True)
        return
    total = None
    if sys.stdin.isatty() and not yes:
        letters = shown(selected.letters(), "looking")
        counts = Counter(outcomes.of_letter(letter, selected.settings).verb for letter in letters)
        _tell(counts, is_result=False)
        total = counts.total()
        if total:
            _ask("Replay them?")
    skipped, done = 0, Counter[str]()
    for letter in shown(selected.letters(), "replaying", total):
        result = outcomes.of_letter(letter, selected.settings)
        if not result.lane:
            skipped += 1
        elif dead_letters.replay(selected.store, letter, result.lane, result.text):
            done[result.verb] += 1
            if done.total() % 1000 == 1:
                wake(selected.store, letter.destination)
    filtered = f" ({done['filtered']:,} of them will be filtered)" if done["filtered"] else ""
    click.echo(f"{done.total():,} replayed{filtered}, {skipped:,} skipped (would be refused again)")


def _say_each(selected: Selected) -> Iterator[outcomes.ReplayResult]:
    """Say what would become of each letter, and what the codes mean; yield the results."""
    codes = set()
    for letter in selected.letters():
        result = outcomes.of_letter(letter, selected.settings)
        codes |= {result.code} - {""}
        click.echo(f"{letter.id}  {letter.destination}  {letter.reason}  would be {result}")
        yield result
    if codes:
        click.echo("\n".join(["", *layout.meanings(codes, layout.width()), ""]))


def _tell(counts: Counter[str], *, is_result: bool) -> None:
    """Say how many letters would become what; what is not the command's result goes where questions go."""
    text = f"{counts['delivered']:,} would be delivered, {counts['filtered']:,} filtered"
    again = f"{counts['refused again']:,} refused again (they stay)"
    click.echo(f"{_letters(counts.total())}: {text}, {again}", err=not is_result)


@dead.command(epilog=example("split-dest dead drop --reason message_too_large --dry-run"))
@_selecting
@_acting
def drop(selected: Selected, dry_run: bool, yes: bool) -> None:
    """Drop dead letters for good; they count as filtered from then on.

    A person in a terminal is asked first; without a terminal --yes is needed.
    """
    if not yes and not dry_run and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask in: add --yes to drop them for good")
    total = None
    if dry_run or not yes:
        counts = Counter(letter.reason for letter in shown(selected.letters(), "counting"))
        if not counts:
            click.echo(_NONE, err=True)
            return
        click.echo("\n".join(_summary(counts, layout.width())), err=not dry_run)
        total = counts.total()
    if dry_run:
        click.echo(f"{total:,} would be dropped")
        return
    if not yes:
        _ask(f"Drop {_letters(counts.total())} for good?")
    dropped = dead_letters.drop(selected.store, selected.letters())
    click.echo(f"{sum(shown(dropped, 'dropping', total)):,} dropped")


def _ask(question: str) -> None:
    """Go on if a person says yes, else end the command."""
    if not click.confirm(question, err=True):
        click.echo("stopped", err=True)
        sys.exit(1)


def _when(letter: DeadLetter) -> str:
    return times.to_text(letter.dead_ms)[:19] + "Z"


def _read(letter: DeadLetter) -> Any:
    """Return a letter's message; one that is no JSON as text."""
    try:
        return orjson.loads(letter.text)
    except orjson.JSONDecodeError:
        return _text(letter)


def _message(letter: DeadLetter) -> Any:
    """Return a letter's message as it stands in JSON; one that is no JSON, or too deep for it, as text."""
    message = _read(letter)
    try:
        # orjson reads deeper than it writes; one level stands around a message.
        orjson.dumps([message])
    except orjson.JSONEncodeError:
        return _text(letter)
    return message


def _text(letter: DeadLetter) -> str:
    return letter.text.decode("utf-8", "backslashreplace")


def _json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "destination": letter.destination,
        "endpoint": letter.endpoint or None,
        "lane": letter.lane,
        "reason": letter.reason,
        "detail": letter.detail,
        "words": letter.words,
        "acceptedMs": letter.accepted_ms,
        "deadMs": letter.dead_ms,
        "message": _message(letter),
    }
