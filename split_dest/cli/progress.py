"""Signs of life while something takes long: a bar on stderr in a terminal; of an import JSON lines elsewhere."""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeElapsedColumn

from split_dest.cli import layout

if TYPE_CHECKING:
    # Only an import needs it, and with it Redis's client.
    from split_dest.cli.lines import ImportFile

from split_dest.terminal import escaped, unescaped

T = TypeVar("T")
#: Returns more numbers for the JSON lines.
Report = Callable[[], dict[str, Any]]


def shown(items: Iterable[T], doing: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a bar that says *doing* and moves as they are taken; *total*: how many, if known."""
    with _bar("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()) as bar:
        yield from bar.track(items, description=doing, total=total)


def _bar(*columns: Any) -> Progress:
    console = Console(file=unescaped(sys.stderr))
    return Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())


class Meter:
    """The numbers of this run of an import; ``line`` is the line up to which all is done."""

    def __init__(self, source: "ImportFile", bar: Progress, doing: str, report: Report) -> None:
        self.line, self.is_finished = 0, False
        self.counts = {"accepted": 0, "duplicates": 0, "set_aside": 0}
        self._source, self._bar, self._doing, self._report = source, bar, doing, report
        self._waits_since: float | None = None
        # It would be drawn at once, before it is known here.
        bar.add_task(doing, start=False, total=source.total_bytes, visible=False, meter=self)
        self._task = bar.tasks[0]
        bar.update(self._task.id, visible=True)

    def resume(self, line: int) -> None:
        """Begin behind a line."""
        self.line = line
        if line:
            self._say(f"Resuming after line {line:,}")

    def start(self) -> None:
        """Start the clock, once: what was only read past until now says nothing about the rate."""
        if not self._task.started:
            self._bar.reset(self._task.id, completed=self._source.read_bytes)

    def add(self, line: int, *counts: int) -> None:
        """Add what was accepted, a duplicate, or set aside of everything up to and with a line."""
        self.line = line
        self.counts = {name: n + more for (name, n), more in zip(self.counts.items(), counts, strict=True)}

    def waits(self, reason: str) -> None:
        """Say that nothing can be stored and why, or, without a reason, that it can be again; each once."""
        if bool(reason) == (self._waits_since is None):
            self._waits_since = time.monotonic() if reason else None
            self._say(f"waiting for {reason}; resumes automatically (Ctrl-C to stop)" if reason else "resuming")

    def _say(self, text: str) -> None:
        # On stderr, above the bar if there is one.
        self._bar.console.print(escaped(text), soft_wrap=True, markup=False, highlight=False)

    def show(self) -> None:
        """Print all numbers as JSON, unless there is a bar."""
        if self._bar.disable:
            click.echo(orjson.dumps(self._numbers() | self._report()))

    def _numbers(self) -> dict[str, Any]:
        messages, read, size = sum(self.counts.values()), self._source.read_bytes, self._source.total_bytes
        self._bar.update(self._task.id, completed=read)
        left = 0 if self.is_finished else self._task.time_remaining
        places = {"line": self.line, "bytes": read, "total_bytes": size}
        pace = {"rate": round(messages / (self._task.elapsed or math.inf), 1), "seconds_left": left}
        return {"messages": messages, **self.counts, **places, **pace, "finished": self.is_finished}

    @property
    def doing(self) -> str:
        """What stands before the bar."""
        waits = self._waits_since
        return self._doing if waits is None else f"waiting {time.monotonic() - waits:.0f} s"

    @property
    def summary(self) -> str:
        """The numbers for a person."""
        accepted, duplicates, dead = self.counts.values()
        done = f"{layout.counted(accepted + duplicates + dead, 'message')} up to line {self.line:,}"
        others = f"{layout.counted(duplicates, 'duplicate')}, {layout.counted(dead, 'dead letter')}"
        return f"{done}: {accepted:,} accepted, {others}"

    def __str__(self) -> str:
        """Return what stands behind the bar."""
        numbers = self._numbers()
        left = "" if numbers["seconds_left"] is None else f", {timedelta(seconds=numbers['seconds_left'])} left"
        return f"{numbers['messages']:,} done, {numbers['rate']:,.0f}/s{left}, {numbers['set_aside']:,} refused"


@contextmanager
def metered(source: "ImportFile", doing: str, report: Report) -> Iterator[Meter]:
    """Show the numbers of a file all the while; in JSON, once a second, with those that *report* returns."""
    ended = Event()
    with _bar("{task.fields[meter].doing}", BarColumn(10), TaskProgressColumn(), "{task.fields[meter]}") as bar:
        meter = Meter(source, bar, doing, report)

        def keep_showing() -> None:
            # When nobody reads the lines, the import goes on to its end.
            with suppress(BrokenPipeError):
                while not ended.wait(1):
                    meter.show()

        thread = Thread(target=keep_showing, daemon=True)
        thread.start()
        try:
            yield meter
        finally:
            ended.set()
            thread.join()
            meter.show()
