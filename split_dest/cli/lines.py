"""A file of JSON lines, plain or gzip, read a step at a time and never whole."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click

from split_dest.inbox.intake import STEP_BYTES
from split_dest.mapping.acceptance import Item, beginning

_PIECE_BYTES = 65_536
_named = partial(hashlib.blake2b, digest_size=16)


class Line(NamedTuple):
    """A line: its number from 1, its text, its length and, if the text was cut, a hash of the whole line."""

    number: int
    text: bytes
    length: int
    digest: bytes = b""


class Step(NamedTuple):
    """What is stored together: the items of the whole lines behind line *after* up to and with *line*."""

    after: int
    line: int
    items: Sequence[Item]


class ImportFile:
    """An open file; ``total_bytes`` is its size on disk."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path, self._file = path, file
        self.total_bytes = path.stat().st_size
        head = file.read(2)
        file.seek(0)
        self._text: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if head == b"\x1f\x8b" else file

    @cached_property
    def digest(self) -> str:
        """A name for the whole content, for which the file is read once; nothing of it may have been read yet.

        It begins with the name that former versions gave it, by its size, beginning and end.

        Raises:
            click.ClickException: the file can't be read.
        """
        try:
            ends = self._file.read(_PIECE_BYTES)
            self._file.seek(max(0, self.total_bytes - _PIECE_BYTES))
            ends += self._file.read(_PIECE_BYTES)
            self._file.seek(0)
            whole = hashlib.file_digest(self._file, _named)
            self._file.seek(0)
        except OSError as error:
            raise click.ClickException(f"{self._path}: can't be read: {error}") from error
        return _named(b"%d " % self.total_bytes + ends).hexdigest() + whole.hexdigest()

    @property
    def read_bytes(self) -> int:
        """How many bytes of the file have been read."""
        return self._file.tell()

    def lines(self, max_bytes: int) -> Iterator[Line]:
        """Yield the lines; one over *max_bytes* is cut to its beginning.

        Raises:
            click.ClickException: the rest can't be read; says after which line.
        """
        number = 0
        try:
            while text := self._text.readline(max_bytes + 1):
                number += 1
                is_whole = len(text) <= max_bytes or text.endswith(b"\n")
                yield Line(number, text, len(text)) if is_whole else self._cut(number, text)
        except (EOFError, OSError, zlib.error) as error:
            raise click.ClickException(f"{self._path}: can't be read after line {number}: {error}") from error

    def _cut(self, number: int, text: bytes) -> Line:
        """Read past the rest of a line of which *text* is the beginning."""
        length, digest, piece = len(text), hashlib.blake2b(text, digest_size=16), text
        while not piece.endswith(b"\n") and (piece := self._text.readline(_PIECE_BYTES)):
            length += len(piece)
            digest.update(piece)
        return Line(number, beginning(text, _PIECE_BYTES), length, digest.digest())


@contextmanager
def opened(path: Path) -> Iterator[ImportFile]:
    """Open a file for reading, and close it at the end.

    Raises:
        click.UsageError: it can't be opened, or could not be read a second time.
    """
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{path} is not a regular file; import needs one so that it can resume")
    try:
        file = path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    with file:
        yield ImportFile(path, file)


def steps(
    lines: Iterable[Line], after: int, max_items: int, items_of: Callable[[Line], Sequence[Item]]
) -> Iterator[Step]:
    """Yield the steps of the lines behind line *after*, without the blank ones.

    A step holds whole lines, so that a bookmark by lines is exact: at most *max_items* and 1 MB, or one line.

    Raises:
        click.ClickException: as the lines do, after a step of what came before.
    """
    items: list[Item] = []
    size, last = 0, after
    try:
        for line in lines:
            if line.number <= after or not line.text.strip():
                continue
            more = items_of(line)
            more_size = sum(len(item.text) for item in more)
            if items and (len(items) + len(more) > max_items or size + more_size > STEP_BYTES):
                yield Step(after, last, items)
                items, size, after = [], 0, last
            items.extend(more)
            size, last = size + more_size, line.number
    except click.ClickException:
        if items:
            yield Step(after, last, items)
        raise
    if items:
        yield Step(after, last, items)
