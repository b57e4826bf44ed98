"""Log lines: one JSON object each, never what somebody sent."""

import io
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from split_dest import logs

CANARY = "kanari-7f3a"


@pytest.fixture
def lines():
    """The lines that are logged during the test, as they would stand on stdout."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonFormatter())
    loggers = [logging.getLogger("split_dest"), logging.getLogger("some.package")]
    for logger in loggers:
        logger.addHandler(handler)
    level = loggers[0].level
    loggers[0].setLevel(logging.INFO)
    yield lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]
    loggers[0].setLevel(level)
    for logger in loggers:
        logger.removeHandler(handler)


def test_what_senders_can_cause_at_any_rate_is_told_once_a_second(lines):
    """With how many times it was so, and each event for itself."""
    for _ in range(1000):
        logs.often("pixel_lost", reason="not_found")
    logs.often("not_http", error="X")

    events = [line["event"] for line in lines()]
    assert set(events) == {"pixel_lost", "not_http"}
    # A slow machine may take a few seconds for them.
    assert events.count("pixel_lost") < 20


@pytest.mark.parametrize(("log", "level"), [(logs.info, "info"), (logs.warning, "warning"), (logs.error, "error")])
def test_a_fact_is_one_line_with_its_fields(lines, log, level):
    """Time, level, the event's fixed name, and the fields beside it; whatever is not JSON as text."""
    log("set_aside", destination="web", count=2, where=sys.stdout.__class__)

    (line,) = lines()
    assert list(line) == ["time", "level", "event", "destination", "count", "where"]
    assert datetime.now(UTC) - datetime.fromisoformat(line["time"]) < timedelta(minutes=1)
    assert (line["level"], line["event"], line["destination"], line["count"]) == (level, "set_aside", "web", 2)


def test_of_an_error_its_place_is_told_and_not_its_text(lines):
    """The text of an exception may quote a message; its type and where it came from do not."""
    try:
        int(CANARY)
    except ValueError as raised:
        logs.error("internal_error", cause=raised)

    (line,) = lines()
    assert line["error"] == "ValueError"
    assert line["at"][-1].startswith("test_logs.py:")
    assert CANARY not in str(line)


def test_of_a_library_only_the_template_is_told(lines):
    """What a library fills into its line, or an exception that it logs as such, may be somebody's data."""
    library = logging.getLogger("some.package")

    library.warning("could not parse %s", CANARY)
    library.warning(ValueError(CANARY))
    library.error("failed", exc_info=ValueError(CANARY))

    result = lines()
    assert [line["text"] for line in result] == ["could not parse %s", "ValueError", "failed"]
    assert {(line["event"], line["logger"]) for line in result} == {("library", "some.package")}
    assert CANARY not in str(result)


def test_a_process_logs_to_stdout_only_what_matters():
    """After setup our own facts are told from info on, those of libraries from warning on; stderr stays empty."""
    script = (
        "import logging; from split_dest import logs; logs.setup(); logs.setup(); logs.info('ours', n=1);"
        " logging.getLogger('x').info('chatter'); logging.getLogger('x').warning('trouble')"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    events = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [(line["event"], line.get("text")) for line in events] == [("ours", None), ("library", "trouble")]
    assert result.stderr == b""
