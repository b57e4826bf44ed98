"""A file of JSON lines, plain or gzip, read a step at a time and never whole."""

import gzip
import hashlib
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from split_dest.inbox.intake import STEP_BYTES
from split_dest.mapping.acceptance import Item

_GZIP = b"\x1f\x8b"
_HEAD_BYTES = _PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its number from 1, its text, and its length.

    If the text was cut, ``length`` is more than that of the text, and ``digest`` is a hash of the whole line.
    """

    number: int
    text: bytes
    length: int
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """What is stored together: the items of the whole lines behind line *after* up to and with *line*."""

    after: int
    line: int
    items: Sequence[Item]


class Source:
    """An open file; ``digest`` names its content, ``total_bytes`` is its size as it lies there."""

    def __init__(self, path: Path, file: BinaryIO, total_bytes: int) -> None:
        self._path = path
        self._file = file
        self.total_bytes = total_bytes
        head = file.read(_HEAD_BYTES)
        file.seek(max(0, total_bytes - _HEAD_BYTES))
        ends = head + file.read(_HEAD_BYTES)
        self.digest = hashlib.blake2b(b"%d " % total_bytes + ends, digest_size=16).hexdigest()
        file.seek(0)
        self._text: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file

    @property
    def bytes(self) -> int:
        """How many bytes of the file have been read."""
        return self._file.tell()

    def lines(self, most_bytes: int) -> Iterator[Line]:
        """Yield the lines; one over *most_bytes* is cut to its beginning.

        Raises:
            click.ClickException: the rest can't be read; says after which line.
        """
        number = 0
        try:
            while text := self._text.readline(most_bytes + 1):
                number += 1
                if len(text) <= most_bytes or text.endswith(b"\n"):
                    yield Line(number, text, len(text))
                else:
                    yield _cut(self._text, number, text)
        except (EOFError, OSError, zlib.error) as error:
            raise click.ClickException(f"{self._path}: can't be read after line {number}: {error}") from error


def _cut(file: BinaryIO | gzip.GzipFile, number: int, text: bytes) -> Line:
    """Read over the rest of a line of which *text* is the beginning."""
    length, digest = len(text), hashlib.blake2b(text, digest_size=16)
    while piece := file.readline(_PIECE_BYTES):
        length += len(piece)
        digest.update(piece)
        if piece.endswith(b"\n"):
            break
    return Line(number, text[:_PIECE_BYTES], length, digest.digest())


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file for reading, and close it at the end.

    Raises:
        click.UsageError: it can't be opened, or is no file that could be read a second time.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise click.UsageError(f"{path} is no file: a pipe or a folder can't be read again after a stop")
        file = path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    with file:
        yield Source(path, file, status.st_size)


def steps(
    lines: Iterable[Line], after: int, most: int, items_of: Callable[[Line], Sequence[Item]]
) -> Iterator[Step]:
    """Yield the steps of the lines behind line *after*, without the blank ones.

    A step holds whole lines, so that a bookmark by lines is exact: at most *most* items and 1 MB, or one line.

    Raises:
        click.ClickException: as the lines do, after a step of what came before.
    """
    items: list[Item] = []
    size, last = 0, after
    try:
        for line in lines:
            if line.number <= after or not line.text.strip():
                continue
            found = items_of(line)
            more = sum(len(item.text) for item in found)
            if items and (len(items) + len(found) > most or size + more > STEP_BYTES):
                yield Step(after, last, items)
                items, size, after = [], 0, last
            items.extend(found)
            size, last = size + more, line.number
    except click.ClickException:
        if items:
            yield Step(after, last, items)
        raise
    if items:
        yield Step(after, last, items)
