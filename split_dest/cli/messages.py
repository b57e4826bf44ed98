"""Messages from a file or standard input: one message, an array, an envelope, or JSON lines; plain or gzip."""

import gzip
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest.errors import RequestRefused
from split_dest.segment import payload
from split_dest.segment.payload import Unreadable

#: Returns the messages of a body.
Reader = Callable[[bytes], list[dict[str, Any] | Unreadable]]
_GZIP = b"\x1f\x8b"


def read(file: str, reader: Reader = payload.messages) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a file; ``-`` is standard input.

    Args:
        file: its name.
        reader: what returns the messages of a body, by the rules of an endpoint.

    Raises:
        click.ClickException: it can't be read, or is not JSON; says in which line.
    """
    try:
        body = _standard_input() if file == "-" else Path(file).read_bytes()
        if body.startswith(_GZIP):
            body = gzip.decompress(body)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise click.FileError(file, f"damaged gzip: {error}") from error
    except OSError as error:
        raise click.FileError(file, error.strerror or "can't be read") from error
    return read_bytes(body, file, reader)


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        click.echo("Reading messages from this terminal; end them with Ctrl-D.", err=True)
    return sys.stdin.buffer.read()


def read_bytes(
    body: bytes, file: str = "-", reader: Reader = payload.messages
) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a file's content; *file* is its name, for errors."""
    lines = [(n, line) for n, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and _is_json(lines[0][1]):
        return [message for n, line in lines for message in _messages(file, n, line, reader)]
    return _messages(file, 1, body, reader)


def _is_json(text: bytes) -> bool:
    """Return whether a text is JSON as a whole, even with what the service refuses in it, such as NaN."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _messages(file: str, line: int, text: bytes, reader: Reader) -> list[dict[str, Any] | Unreadable]:
    try:
        return reader(text)
    except RequestRefused as refused:
        raise click.ClickException(f"{file}:{_fault(line, refused)}") from refused


def _fault(line: int, refused: RequestRefused) -> str:
    cause = refused.__cause__
    if isinstance(cause, orjson.JSONDecodeError):
        return f"{line + cause.lineno - 1}:{cause.colno}: not JSON: {cause.msg}"
    return f"{line}: {refused.detail}"
