"""Messages from a file or standard input: one message, an array, an envelope, or JSON lines."""

import json
import sys
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


def read(file: str, reader: Reader = payload.messages) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a file; ``-`` is standard input.

    Args:
        file: its name.
        reader: what returns the messages of a body, by the rules of a door.

    Raises:
        click.ClickException: it can't be read, or is not JSON; says in which line.
    """
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.FileError(file, error.strerror or "can't be read") from error
    return read_bytes(body, file, reader)


def read_bytes(
    body: bytes, file: str = "-", reader: Reader = payload.messages
) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a file's content; *file* is its name, for errors."""
    lines = [(n, line) for n, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and _is_json(lines[0][1]):
        return [found for n, line in lines for found in _messages(file, n, line, reader)]
    return _messages(file, 1, body, reader)


def _is_json(text: bytes) -> bool:
    """True when a text is JSON as a whole, even with what the service refuses in it, such as NaN."""
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
