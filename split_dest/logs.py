"""Logs: one JSON line a fact on stdout. Never a message's content, never a secret."""

import logging
import math
import sys
import threading
import time
import traceback
from datetime import UTC, datetime

import orjson

_OURS = logging.getLogger("split_dest")
_FIELDS = "split_dest_fields"
#: Of each event that is told seldom: when it was told last, and how often it was not since.
_TOLD: dict[str, tuple[float, int]] = {}
_LOCK = threading.Lock()


def setup() -> None:
    """Sends every log line of the process to stdout as JSON; libraries speak only of warnings and worse."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _OURS.setLevel(logging.INFO)
    # Python's own reports of a crash quote the error, which may quote a message.
    sys.excepthook = lambda _, raised, __: error("internal_error", cause=raised)
    threading.excepthook = lambda crash: error("internal_error", cause=crash.exc_value)


def info(event: str, **fields: object) -> None:
    """Logs a fact under its fixed name."""
    _OURS.info(event, extra={_FIELDS: fields})


def warning(event: str, **fields: object) -> None:
    """Logs a fact that an operator may want to act on."""
    _OURS.warning(event, extra={_FIELDS: fields})


def often(event: str, *, cause: BaseException | None = None, **fields: object) -> None:
    """Log a fact that a sender can cause at any rate: a line a second at most, and how many *times* it was.

    Each destination has its own line; with a *cause* it is an error, and so has each place in the code.
    """
    times = due(f"{event} {fields.get('destination', '')} {places(cause)[-1:] if cause else ''}")
    if times and cause is None:
        warning(event, times=times, **fields)
    elif times:
        error(event, cause=cause, times=times, **fields)


def due(fact: str) -> int:
    """Return how often a fact was asked about since it was told, with this time; 0: it was told a moment ago."""
    now = time.monotonic()
    with _LOCK:
        told, untold = _TOLD.get(fact, (-math.inf, 0))
        if now < told + 1:
            _TOLD[fact] = told, untold + 1
            return 0
        _TOLD[fact] = now, 0
    return untold + 1


def error(event: str, *, cause: BaseException | None = None, **fields: object) -> None:
    """Logs a fact that an operator must act on, with where *cause* came from but not what it says."""
    _OURS.error(event, extra={_FIELDS: fields}, exc_info=cause)


class JsonFormatter(logging.Formatter):
    """A log record as one JSON line.

    Of an exception its type and place stand there and not its text, which may quote a message; of a library's
    line its unfilled template, for the same reason.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name == _OURS.name:
            line |= {"event": record.msg, **getattr(record, _FIELDS, {})}
        else:
            line |= {"event": "library", "logger": record.name, "text": _template(record.msg)}
        if record.exc_info and record.exc_info[1] is not None:
            raised = record.exc_info[1]
            line |= {"error": type(raised).__name__, "at": places(raised)}
        return orjson.dumps(line, default=str).decode()


def _template(said: object) -> str:
    return said if isinstance(said, str) else type(said).__name__


def places(raised: BaseException) -> list[str]:
    """Gives where an error came from, the last place last, without anything that it says."""
    frames = traceback.extract_tb(raised.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
