"""A sign of life on stderr while something takes long."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from split_dest.terminal import unescaped

T = TypeVar("T")


def shown(items: Iterable[T], doing: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a bar that moves as they are taken; without a terminal there is none.

    Args:
        items: what to iterate over.
        doing: what the bar says.
        total: how many there are; None: unknown.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not sys.stderr.isatty()
    console = Console(file=unescaped(sys.stderr))
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield from progress.track(items, description=doing, total=total)
