"""``split-dest import``."""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from split_dest import config
from split_dest.cli import lines, outcomes, progress
from split_dest.cli.lines import ImportFile, Line, Step
from split_dest.cli.options import config_file, example, known
from split_dest.cli.processes import interrupted_by_signals, uninterrupted
from split_dest.cli.progress import Meter
from split_dest.cli.store import store_of
from split_dest.config.settings import Settings
from split_dest.errors import BookmarkMoved, MessageRejected, RequestRefused, StoreUnavailable
from split_dest.inbox import imports, intake
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.intake import AcceptOptions, HighWater
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item, item, set_aside
from split_dest.mapping.rules import Rules
from split_dest.segment import payload

T = TypeVar("T")
#: Raises if a step must not be stored behind what the counts say.
Check = Callable[[Step, Mapping[str, int]], None]
_STEPS_A_SECOND = 10
_RETRY_SECONDS = 1.0
#: When this many lines at the start of a file are not JSON, it is another file than was meant.
_WRONG_LINES = 10
_MOVED = "another import of this file is running, or Redis has lost its data; nothing more was stored"


@click.command("import", epilog=example("split-dest import messages.jsonl.gz --destination web-production"))
@config_file
@click.option("--destination", required=True, help="The destination whose rules apply.")
@click.option("--rate", type=click.IntRange(1), metavar="N", help="At most N messages a second.")
@click.option(
    "--max-bad",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    metavar="N",
    help="Stop before more than N messages become dead letters.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only count what would happen, up to where it would stop; needs neither Redis nor keys.",
)
@click.argument("file", type=click.Path(path_type=Path))
def import_(
    config_path: Path | None, destination: str, rate: int | None, max_bad: int, dry_run: bool, file: Path
) -> None:
    """Accept the messages of a file as the endpoint does; can be stopped and started again at any time.

    FILE holds JSON lines, plain or gzip; a line is one message, an array or an envelope. A line that is not JSON
    becomes a dead letter. After Ctrl-C or kill -9 the same command resumes where it stopped, and stores nothing
    twice. Without a terminal, progress is printed as JSON lines.
    """
    settings = config.load(config_path or config.path(), need_secrets=not dry_run)
    name = known(destination, settings.destinations, "destination")
    trial = _Trial(settings.destinations[name].rules) if dry_run else None
    doing, report = ("trying", trial.report) if trial else ("importing", dict)
    with (
        interrupted_by_signals(),
        lines.opened(file) as source,
        progress.metered(source, doing, report) as meter,
        suppress(KeyboardInterrupt),
    ):
        steps = partial(_steps, source, settings, name, rate, meter)
        bounded = _Bounds(max_bad).check
        if trial:
            trial.run(steps(), meter, bounded)
        else:
            _store(steps, meter, settings, name, source.digest, bounded)
    if not meter.is_finished:
        then = "Nothing was stored." if trial else "Run the same command to resume."
        click.echo(f"{_stopped(meter.line)}. {then}", err=True)
        sys.exit(130)
    if sys.stderr.isatty():
        click.echo("\n".join([meter.summary, *(trial.sentences() if trial else [])]))


def _steps(source: ImportFile, settings: Settings, name: str, rate: int | None, meter: Meter) -> Iterator[Step]:
    """Yield what is stored together of the lines behind the meter's, at most *rate* messages a second."""
    items_of = partial(_items, settings.destinations[name].rules, settings.intake.max_message_bytes)
    max_items = min(intake.STEP_ITEMS, max(1, rate // _STEPS_A_SECOND)) if rate else intake.STEP_ITEMS
    due = 0.0
    for step in lines.steps(source.lines(settings.intake.max_body_bytes), meter.line, max_items, items_of):
        time.sleep(max(0.0, due - time.monotonic()))
        meter.start()
        due = time.monotonic() + len(step.items) / (rate or math.inf)
        yield step


def _items(rules: Rules, max_bytes: int, line: Line) -> list[Item]:
    """Return what the endpoint would store of a line; one that it would refuse is one dead letter."""
    if line.length > len(line.text):
        return [_refused(line, "message_too_large", f": {line.length} bytes, of which the beginning is kept")]
    try:
        messages = payload.messages(line.text, payload.MAX_MESSAGES)
    except RequestRefused as refused:
        if refused.code == "too_many_messages":
            return [_refused(line, "message_too_large", f": more than {payload.MAX_MESSAGES:,} messages")]
        return [_refused(line, "not_json")]
    return [item(each, rules, max_bytes, "import") for each in messages]


def _refused(line: Line, code: str, why: str = "") -> Item:
    text = line.text.rstrip(b"\r\n")
    rejection = MessageRejected(code, f"line {line.number}{why}")
    return set_aside("events", text, rejection, line.digest or text, "import")


def _store(
    steps: Callable[[], Iterator[Step]],
    meter: Meter,
    settings: Settings,
    name: str,
    digest: str,
    check: Check,
) -> None:
    """Store each step once, together with the bookmark that says so, however often Redis has to be asked."""
    store = store_of(settings)
    high_water = HighWater(store, settings.intake.full_at_percent)
    options = AcceptOptions(name, settings.intake.dedupe_hours, settings.redis.wait_replicas)

    def accept(step: Step) -> None:
        high_water.check()
        receipt = intake.accept_marked(store, step.items, options, Bookmark(digest, step.after, step.line))
        meter.add(step.line, receipt.accepted, receipt.duplicates, receipt.set_aside)
        if receipt.asleep:
            # Lanes that are not woken now are woken by the watchdog.
            with suppress(StoreUnavailable):
                wake(store, name, sorted(receipt.asleep))

    def finish() -> None:
        imports.finish(store, name, digest)
        meter.is_finished = True

    meter.resume(_until_stored(meter, lambda: imports.begin(store, name, digest)))
    try:
        for step in steps():
            check(step, meter.counts)
            _until_stored(meter, partial(accept, step))
    except BookmarkMoved as error:
        raise click.ClickException(f"{_stopped(meter.line)}: {_MOVED}") from error
    _until_stored(meter, finish)


def _until_stored(meter: Meter, ask: Callable[[], T]) -> T:
    """Return what Redis answers, however long that takes; a Ctrl-C ends the wait, but no call."""
    while True:
        try:
            with uninterrupted():
                answer = ask()
        except StoreUnavailable as error:
            meter.waits(error.detail)
            time.sleep(_RETRY_SECONDS)
        else:
            meter.waits("")
            return answer


def _stopped(line: int) -> str:
    return f"Stopped after line {line}" if line else "Stopped before the first line"


class _Bounds:
    """What stops an import, and a dry run of it, before a wrong file fills Redis with dead letters."""

    def __init__(self, max_bad: int) -> None:
        self._max_bad = max_bad
        self._first: list[str] = []

    def check(self, step: Step, counts: Mapping[str, int]) -> None:
        """Make sure that the next step may be stored; *counts* are those of the steps before it in this run.

        Raises:
            click.ClickException: none of the file's first messages is JSON, or too many are bad.
        """
        reasons = [each.reason for each in step.items]
        # What is resumed has been looked at.
        if not step.after or self._first:
            self._first += reasons[: _WRONG_LINES - len(self._first)]
        if self._first == ["not_json"] * _WRONG_LINES:
            problem = f"none of the first {_WRONG_LINES} lines is JSON. Is it the right file?"
        elif counts["set_aside"] + sum(map(bool, reasons)) > self._max_bad:
            problem = f"more than {self._max_bad:,} messages are bad. A larger --max-bad lets it go on from there."
        else:
            return
        raise click.ClickException(f"{_stopped(step.after)}: {problem}")


class _Trial:
    """What would become of the messages; whether an id has come before is not looked up."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._made = Counter(events=0, identities=0, impressions=0)
        self._filtered: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()

    def run(self, steps: Iterator[Step], meter: Meter, check: Check) -> None:
        """Map the steps and count, up to where the import itself would stop."""
        for step in steps:
            check(step, meter.counts)
            bad = [each.reason for each in step.items if each.reason]
            self._bad.update(bad)
            for text, lane in ((each.text, lane) for each in step.items if not each.reason for lane in each.lanes):
                mapped = outcomes.of_message(text, [lane], self._rules)
                self._made.update({name: len(getattr(mapped, name)) for name in self._made})
                self._filtered.update(filter(None, [mapped.dropped]))
            meter.add(step.line, len(step.items) - len(bad), 0, len(bad))
        meter.is_finished = True

    def report(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        return {**self._made, "dropped": self._filtered, "refused": self._bad}

    def sentences(self) -> Iterator[str]:
        """Yield the counts for a person."""
        for title, counter in (
            ("would make", self._made),
            ("filtered", self._filtered),
            ("dead letters", self._bad),
        ):
            if counter:
                yield f"{title}: " + ", ".join(f"{name} {n:,}" for name, n in sorted(counter.items()))
        yield "Nothing was stored (dry run)."
