"""How far a long import is: a bar on stderr in a terminal, else JSON lines on stdout."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from split_dest.cli.lines import Source
from split_dest.inbox.intake import Receipt

_TELL_SECONDS = 1.0
_DRAW_SECONDS = 0.1


class Meter:
    """The numbers of this run of an import; ``line`` is the line up to which all is done."""

    def __init__(self, source: Source, bar: Progress, doing: str) -> None:
        self.line = self._accepted = self._duplicates = self._set_aside = 0
        self._source, self._bar, self._doing = source, bar, doing
        self._task = bar.add_task(doing, total=source.total_bytes, told="")
        self.is_drawn = not bar.disable
        self.is_finished = False
        self._waits_since: float | None = None
        self.begin(0)

    def begin(self, line: int) -> None:
        """Starts the clock behind a line: what was read so far says nothing about the rate."""
        self.line = line
        self._began = self._told = time.monotonic()
        self._began_bytes = self._source.bytes

    def add(self, line: int, receipt: Receipt) -> None:
        """Counts what became of all up to and with a line."""
        self.line = line
        self._accepted += receipt.accepted
        self._duplicates += receipt.duplicates
        self._set_aside += receipt.set_aside
        self.tick()

    def tick(self) -> None:
        """Shows the numbers, if the last time is long enough ago."""
        if time.monotonic() - self._told < (_DRAW_SECONDS if self.is_drawn else _TELL_SECONDS):
            return
        self._told = time.monotonic()
        if self.is_drawn:
            self._draw()
        else:
            click.echo(orjson.dumps(self._numbers()))

    def say(self, text: str) -> None:
        """Says a line on stderr, above the bar if there is one."""
        self._bar.console.print(text, soft_wrap=True, markup=False, highlight=False)

    def wait(self, why: str) -> None:
        """Says once that nothing can be stored now, and why; the bar tells how long."""
        if self._waits_since is None:
            self._waits_since = time.monotonic()
            self.say(f"waiting: {why}; goes on by itself, Ctrl-C ends it")
        self.tick()

    def go_on(self) -> None:
        """Says that a wait, if there was one, is over."""
        if self._waits_since is not None:
            self._waits_since = None
            self.say("going on")

    def _numbers(self) -> dict[str, object]:
        left = 0.0 if self.is_finished else self._seconds_left()
        return {
            "messages": self.messages,
            "accepted": self._accepted,
            "duplicates": self._duplicates,
            "set_aside": self._set_aside,
            "line": self.line,
            "bytes": self._source.bytes,
            "total_bytes": self._source.total_bytes,
            "rate": round(self._rate(), 1),
            "seconds_left": None if left is None else round(left),
            "finished": self.is_finished,
        }

    def end(self, more: Mapping[str, object]) -> None:
        """Tells the last numbers, with *more* beside them, where JSON is told."""
        if not self.is_drawn:
            click.echo(orjson.dumps({**self._numbers(), **more}))

    @property
    def messages(self) -> int:
        """How many messages were done."""
        return self._accepted + self._duplicates + self._set_aside

    @property
    def summary(self) -> str:
        """The numbers for a person."""
        counts = f"{self._accepted:,} accepted, {self._duplicates:,} duplicates, {self._set_aside:,} set aside"
        return f"{self.messages:,} messages up to line {self.line:,}: {counts}"

    def _rate(self) -> float:
        return self.messages / max(time.monotonic() - self._began, 0.001)

    def _seconds_left(self) -> float | None:
        done = self._source.bytes - self._began_bytes
        if not done:
            return None
        return (time.monotonic() - self._began) / done * (self._source.total_bytes - self._source.bytes)

    def _draw(self) -> None:
        left = self._seconds_left()
        until_end = "" if left is None else f", {timedelta(seconds=round(left))} left"
        told = f"{self.messages:,} done, {self._rate():,.0f}/s{until_end}, {self._set_aside:,} refused"
        waits = self._waits_since
        doing = self._doing if waits is None else f"waiting {time.monotonic() - waits:.0f} s"
        self._bar.update(self._task, description=doing, completed=self._source.bytes, told=told)


@contextmanager
def shown(source: Source, doing: str) -> Iterator[Meter]:
    """Gives the meter of a file, and takes its bar away at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(10),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
    )
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        yield Meter(source, bar, doing)
