"""``split-dest import``."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import click

from split_dest import config
from split_dest.cli import lines, meter
from split_dest.cli.lines import Line, Source, Step
from split_dest.cli.meter import Meter
from split_dest.cli.options import config_file, example, known
from split_dest.cli.store import store_of
from split_dest.config.settings import Settings
from split_dest.errors import BookmarkMoved, MessageRejected, RequestRefused, StoreUnavailable
from split_dest.inbox import imports, intake
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.intake import HighWater, Receipt, Terms
from split_dest.inbox.wake import wake
from split_dest.mapping import Mapped, to_impressions, to_split
from split_dest.mapping.acceptance import Item, item, set_aside
from split_dest.segment import message, payload

T = TypeVar("T")
_STEPS_A_SECOND = 10
_RETRY_SECONDS = 1.0
#: How soon a Ctrl-C is seen while nothing is to be done, and while lines are read over.
_NAP_SECONDS = 0.1
_LOOK_LINES = 1000
_MOVED = "another import of this file goes on elsewhere, or Redis has lost its data; nothing more was stored"


@click.command("import", epilog=example("split-dest import messages.jsonl.gz --destination web-production"))
@config_file
@click.option("--destination", required=True, help="Whose rules and lanes.")
@click.option("--rate", type=click.IntRange(1), metavar="N", help="At most N messages a second.")
@click.option("--dry-run", is_flag=True, help="Only say what would come of it; Redis and keys may be absent.")
@click.argument("file", type=click.Path(path_type=Path))
def import_(config_path: Path | None, destination: str, rate: int | None, dry_run: bool, file: Path) -> None:
    """Accepts the messages of a file as the door does; can be stopped and started again at any time.

    FILE holds JSON lines, plain or gzip; a line is one message, an array or an envelope. A line that is not JSON
    becomes a dead letter. After Ctrl-C or kill -9 the same command goes on where it was, and stores nothing twice.
    Without a terminal, progress comes as JSON lines.
    """
    settings = config.load(config_path or config.path(), need_secrets=not dry_run)
    name = known(destination, settings.destinations, "destination")
    with lines.opened(file) as source, meter.shown(source, "trying" if dry_run else "importing") as shown:
        pause = _Pause(shown)
        taker = _Trying(settings, name) if dry_run else _Storing(settings, name, source.digest, pause)
        try:
            with pause.ended_by_signals():
                _run(source, _Door(settings, name), taker, pause, rate)
        except KeyboardInterrupt:
            raise click.ClickException(f"stopped after line {shown.line}: {taker.when_stopped}") from None
        except BookmarkMoved as error:
            raise click.ClickException(f"stopped after line {shown.line}: {_MOVED}") from error
        finally:
            shown.end(taker.found)
    if shown.is_drawn:
        click.echo("\n".join([shown.summary, *taker.sentences]))


def _run(source: Source, door: "_Door", taker: "_Storing | _Trying", pause: "_Pause", rate: int | None) -> None:
    shown = pause.meter
    after = taker.begin()
    shown.begin(after)
    if after:
        shown.say(f"going on after line {after:,}")
    most = intake.STEP_ITEMS
    if rate is not None:
        most = min(most, max(1, rate // _STEPS_A_SECOND))
    due = 0.0
    for step in lines.steps(_watched(source.lines(door.most_bytes), after, pause), after, most, door.items):
        pause.sleep_until(due)
        due = time.monotonic() + (len(step.items) / rate if rate else 0)
        shown.add(step.line, taker.take(step))
    taker.end()
    shown.is_finished = True


def _watched(found: Iterable[Line], after: int, pause: "_Pause") -> Iterator[Line]:
    for line in found:
        if line.number % _LOOK_LINES == 0:
            pause.look()
        yield line
        if line.number == after:
            # What was only read over says nothing about the rate.
            pause.meter.begin(after)


class _Door:
    """What a line becomes, by the rules of the door."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.most_bytes = settings.intake.max_body_bytes
        self._most_message_bytes = settings.intake.max_message_bytes
        self._rules = settings.destinations[name].rules

    def items(self, line: Line) -> list[Item]:
        """Return what to store of a line; one that is no body for the door is set aside whole."""
        if line.length > len(line.text):
            return [_refused(line, "message_too_large", f"{line.length} bytes, of which the beginning is kept")]
        try:
            found = payload.messages(line.text, payload.MAX_MESSAGES)
        except RequestRefused as refused:
            if refused.code == "too_many_messages":
                return [_refused(line, "message_too_large", f"more than {payload.MAX_MESSAGES:,} messages")]
            return [_refused(line, "not_json")]
        return [item(each, self._rules, self._most_message_bytes) for each in found]


def _refused(line: Line, code: str, why: str = "") -> Item:
    detail = f"line {line.number}: {why}" if why else f"line {line.number}"
    text = line.text.rstrip(b"\r\n")
    return set_aside("events", text, MessageRejected(code, detail), line.digest or text)


class _Pause:
    """The waits of an import: signs of life all the while, and Ctrl-C ends them, but never a step at hand."""

    def __init__(self, shown: Meter) -> None:
        self.meter = shown
        self._is_to_stop = False

    @contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """Makes the first Ctrl-C or SIGTERM a wish that ``look`` finds; a second one ends at once."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._stop) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if self._is_to_stop:
            raise KeyboardInterrupt
        self._is_to_stop = True

    def look(self) -> None:
        """Shows how far it is.

        Raises:
            KeyboardInterrupt: the person wants it to end.
        """
        if self._is_to_stop:
            raise KeyboardInterrupt
        self.meter.tick()

    def sleep_until(self, ends: float) -> None:
        """Sleeps until a moment of the monotonic clock, and looks at least once."""
        self.look()
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, _NAP_SECONDS))
            self.look()

    def until_stored(self, ask: Callable[[], T]) -> T:
        """Gives what Redis answers, however long that takes."""
        while True:
            try:
                answer = ask()
            except StoreUnavailable as error:
                self.meter.wait(error.detail)
                self.sleep_until(time.monotonic() + _RETRY_SECONDS)
            else:
                self.meter.go_on()
                return answer


class _Storing:
    """Stores the steps, each with the bookmark that says so; it tells nothing beside the meter."""

    when_stopped = "the same command goes on there"

    def __init__(self, settings: Settings, name: str, digest: str, pause: _Pause) -> None:
        self.found: dict[str, object] = {}
        self.sentences: list[str] = []
        self._name, self._digest, self._pause = name, digest, pause
        self._settings = settings
        self._store = store_of(settings)
        self._high_water = HighWater(self._store, settings.intake.full_at_percent)

    def begin(self) -> int:
        """Gives the line up to which an earlier run has stored all."""
        return self._pause.until_stored(lambda: imports.begin(self._store, self._name, self._digest))

    def take(self, step: Step) -> Receipt:
        """Stores a step, once, however often Redis has to be asked."""
        return self._pause.until_stored(lambda: self._accept(step))

    def end(self) -> None:
        """Removes the bookmark."""
        self._pause.until_stored(lambda: imports.finish(self._store, self._name, self._digest))

    def _accept(self, step: Step) -> Receipt:
        self._high_water.check()
        settings = self._settings
        terms = Terms(self._name, settings.intake.dedupe_hours, settings.redis.wait_replicas)
        bookmark = Bookmark(self._digest, step.after, step.line)
        receipt = intake.accept_marked(self._store, step.items, terms, bookmark)
        if receipt.asleep:
            # Lanes that are not woken now are woken by the watch.
            with suppress(StoreUnavailable):
                wake(self._store, self._name, sorted(receipt.asleep))
        return receipt


class _Trying:
    """Only counts what the steps would make; whether an id has come before, nobody looks."""

    when_stopped = "nothing was stored"

    def __init__(self, settings: Settings, name: str) -> None:
        self._rules = settings.destinations[name].rules
        self._made: Counter[str] = Counter(events=0, identities=0, impressions=0)
        self._dropped: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def begin(self) -> int:
        """Gives 0: nothing was ever stored."""
        return 0

    def take(self, step: Step) -> Receipt:
        """Maps a step."""
        refused = [each.reason for each in step.items if each.reason]
        self._refused.update(refused)
        for each in step.items:
            if not each.reason:
                self._map(each)
        return Receipt(len(step.items) - len(refused), 0, len(refused))

    def _map(self, taken: Item) -> None:
        restored, now_ms = message.restore(taken.text), int(time.time() * 1000)
        self._count(to_split(restored, self._rules, now_ms))
        if "impressions" in taken.lanes:
            self._count(to_impressions(restored, self._rules, now_ms))

    def _count(self, mapped: Mapped) -> None:
        made = {"events": mapped.events, "identities": mapped.identities, "impressions": mapped.impressions}
        self._made.update({name: len(records) for name, records in made.items()})
        if mapped.dropped:
            self._dropped[mapped.dropped] += 1

    def end(self) -> None:
        """Nothing is to be done."""

    @property
    def found(self) -> dict[str, object]:
        """What would come of the messages, for JSON."""
        return {**self._made, "dropped": dict(self._dropped), "refused": dict(self._refused)}

    @property
    def sentences(self) -> list[str]:
        """The same for a person."""
        counts = {"would make": self._made, "dropped": self._dropped, "refused": self._refused}
        listed = [
            f"{what}: " + ", ".join(f"{name} {number:,}" for name, number in sorted(counted.items()))
            for what, counted in counts.items()
            if counted
        ]
        return [*listed, "nothing was stored: this was a dry run"]
