"""Logs: one JSON line per event on stdout. Never a message's content, never a secret."""

import logging
import math
import sys
import threading
import time
import traceback
from datetime import UTC, datetime

import orjson

from split_dest.terminal import escaped

_OURS = logging.getLogger("split_dest")
_FIELDS = "split_dest_fields"
#: Of each rate-limited event: when it was logged last, and how often it was not since.
_LAST: dict[str, tuple[float, int]] = {}
_LOCK = threading.Lock()


def setup() -> None:
    """Send every log line of the process to stdout as JSON; of libraries only warnings and errors."""
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
    """Log an event under its fixed name."""
    _OURS.info(event, extra={_FIELDS: fields})


def warning(event: str, **fields: object) -> None:
    """Log an event that an operator may want to act on."""
    _OURS.warning(event, extra={_FIELDS: fields})


def often(event: str, *, cause: BaseException | None = None, **fields: object) -> None:
    """Log an event that a sender can cause at any rate: at most a line a second, which says how many *times*.

    Each destination has its own line. With a *cause* the event is an error, and so has each
    place in the code.
    """
    times = due(f"{event} {fields.get('destination', '')} {places(cause)[-1:] if cause else ''}")
    if times and cause is None:
        warning(event, times=times, **fields)
    elif times:
        error(event, cause=cause, times=times, **fields)


def due(event: str) -> int:
    """Return how often an event came since it was logged, including this time; 0: it was logged a moment ago."""
    now = time.monotonic()
    with _LOCK:
        logged, others = _LAST.get(event, (-math.inf, 0))
        if now < logged + 1:
            _LAST[event] = logged, others + 1
            return 0
        _LAST[event] = now, 0
    return others + 1


def error(event: str, *, cause: BaseException | None = None, **fields: object) -> None:
    """Log an event that an operator must act on, with where *cause* was raised but not its text."""
    _OURS.error(event, extra={_FIELDS: fields}, exc_info=cause)


class JsonFormatter(logging.Formatter):
    """Formats a log record as one JSON line.

    An exception is logged by its type and place. Its text may quote a message, and so may the arguments of a
    library's line, of which only the template is logged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
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
        return escaped(orjson.dumps(line, default=str).decode())


def _template(text: object) -> str:
    return text if isinstance(text, str) else type(text).__name__


def places(raised: BaseException) -> list[str]:
    """Return where an error was raised, the innermost place last, without its text."""
    frames = traceback.extract_tb(raised.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
