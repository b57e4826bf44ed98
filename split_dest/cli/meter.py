"""How far a long import is: a bar on stderr in a terminal, else JSON lines on stdout."""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn

from split_dest.cli.lines import Source
from split_dest.inbox.intake import Receipt
from split_dest.terminal import escaped, unescaped


class Meter:
    """The numbers of this run of an import.

    ``line`` is the line up to which all is done; ``waits_since`` is set while nothing can be stored.
    """

    def __init__(self, source: Source, bar: Progress, doing: str) -> None:
        self.line = 0
        self.counts = {"accepted": 0, "duplicates": 0, "set_aside": 0}
        self.waits_since: float | None = None
        self.is_finished = False
        self._source, self._bar, self._doing = source, bar, doing
        bar.add_task(doing, start=False, total=source.total_bytes, text="")
        self._task = bar.tasks[0]

    def start(self) -> None:
        """Start the clock, once: what was only read past until now says nothing about the rate."""
        if not self._task.started:
            self._bar.reset(self._task.id, completed=self._source.read_bytes)

    def add(self, line: int, receipt: Receipt) -> None:
        """Count what became of everything up to and with a line."""
        self.line, self.counts = line, {name: n + getattr(receipt, name) for name, n in self.counts.items()}

    def say(self, text: str) -> None:
        """Print a line on stderr, above the bar if there is one."""
        self._bar.console.print(escaped(text), soft_wrap=True, markup=False, highlight=False)

    def numbers(self) -> dict[str, Any]:
        """Return all numbers by name, and move the bar."""
        messages, read, size = sum(self.counts.values()), self._source.read_bytes, self._source.total_bytes
        self._bar.update(self._task.id, completed=read)
        left = 0 if self.is_finished else self._task.time_remaining
        places = {"line": self.line, "bytes": read, "total_bytes": size}
        pace = {"rate": round(messages / (self._task.elapsed or math.inf), 1), "seconds_left": left}
        return {"messages": messages, **self.counts, **places, **pace, "finished": self.is_finished}

    def draw(self) -> None:
        """Show the numbers beside the bar."""
        numbers, waits = self.numbers(), self.waits_since
        left = "" if numbers["seconds_left"] is None else f", {timedelta(seconds=numbers['seconds_left'])} left"
        text = f"{numbers['messages']:,} done, {numbers['rate']:,.0f}/s{left}, {numbers['set_aside']:,} refused"
        doing = self._doing if waits is None else f"waiting {time.monotonic() - waits:.0f} s"
        self._bar.update(self._task.id, description=doing, text=text)

    @property
    def summary(self) -> str:
        """The numbers for a person."""
        text = "{accepted:,} accepted, {duplicates:,} duplicates, {set_aside:,} dead letters"
        return f"{sum(self.counts.values()):,} messages up to line {self.line:,}: {text.format(**self.counts)}"


@contextmanager
def display(source: Source, doing: str, report: Callable[[], dict[str, Any]]) -> Iterator[Meter]:
    """Show the numbers of a file all the while; in JSON with those that *report* returns."""
    columns = "{task.description}", BarColumn(10), TaskProgressColumn(), "{task.fields[text]}"
    is_drawn, ended = sys.stderr.isatty(), threading.Event()
    console = Console(file=unescaped(sys.stderr))
    with Progress(*columns, console=console, transient=True, disable=not is_drawn) as bar:
        meter = Meter(source, bar, doing)

        def show() -> None:
            meter.draw() if is_drawn else click.echo(orjson.dumps(meter.numbers() | report()))

        def keep_showing() -> None:
            while not ended.wait(0.1 if is_drawn else 1):
                show()

        thread = threading.Thread(target=keep_showing, daemon=True)
        thread.start()
        try:
            yield meter
        finally:
            ended.set()
            thread.join()
            show()
