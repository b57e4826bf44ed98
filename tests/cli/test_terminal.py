"""What only shows in a terminal: signs of life, and tables that fit."""

import re

import orjson
import pytest

from tests.support.commands import start, wait_until
from tests.support.service import SECRET, tracks


def test_replaying_shows_a_bar_and_then_the_result(run_shown, terminal, endpoint):
    """Long work on dead letters moves a bar, which is gone at the end."""
    endpoint(*[{"type": "track", "userId": {}, "n": n} for n in range(300)])

    code = run_shown("dead", "replay", "--all", "--yes")

    assert code == 0
    assert "replaying" in terminal.text
    assert "━" in terminal.text
    assert terminal.text.splitlines()[-1].strip().endswith("0 replayed, 300 skipped (would be refused again)")


def test_sending_shows_how_much_is_done(run_shown, terminal, settings, tmp_path):
    """The number of requests is known, so the bar has an end."""
    settings.start_web()
    (tmp_path / "messages.json").write_bytes(orjson.dumps(tracks(1000)))

    code = run_shown(
        "send", tmp_path / "messages.json", "--to", f"{settings.url}/webhook/web", "--authorization", SECRET
    )

    assert code == 0
    assert "sending" in terminal.text
    assert "10/10" in terminal.text
    assert "1,000 sent: 1,000 accepted, 0 duplicates, 0 kept as dead letters" in terminal.text


def test_importing_shows_how_far_it_is_and_then_the_result(run_shown, terminal, tmp_path):
    """Done, rate, time left and refused beside the bar, within 80 columns; at the end one line stays."""
    lines = [*map(orjson.dumps, tracks(1500)), b"oops"]
    (tmp_path / "messages.jsonl").write_bytes(b"\n".join(lines))

    code = run_shown("import", tmp_path / "messages.jsonl", "--destination", "web", "--rate", "1000")

    assert code == 0
    assert re.search(r"importing ━+╺?━* +\d+% [\d,]+ done, [\d,]+/s, 0:00:0\d left, \d refused", terminal.text)
    assert max(len(line) for line in re.split(r"[\r\n]+", terminal.text)) <= 80
    last = terminal.text.splitlines()[-1].strip()
    assert last.endswith("1,501 messages up to line 1,501: 1,500 accepted, 0 duplicates, 1 dead letter")


def test_an_import_that_waits_counts_the_seconds(terminal, away, settings, tmp_path):
    """What it waits for stands above the bar, and the bar moves on; Ctrl-C ends both without a result."""
    (tmp_path / "messages.jsonl").write_bytes(orjson.dumps(tracks(1)))
    command = ("import", tmp_path / "messages.jsonl", "--destination", "web", "--config", away)
    pipes = dict.fromkeys(["stdin", "stdout", "stderr"], terminal.end)
    waiting = start(*command, environ=settings.environ | {"TERM": "xterm"}, **pipes)
    wait_until(lambda: "waiting 2 s" in terminal.text)
    waiting.send_signal(2)
    code = waiting.wait(10)

    assert code == 130
    assert "waiting for Redis: ConnectionError; resumes automatically (Ctrl-C to stop)" in terminal.text
    assert terminal.text.strip().endswith("Stopped before the first line. Run the same command to resume.")


def test_a_dry_run_of_an_import_lists_what_would_come_of_it(run_shown, terminal, tmp_path):
    """Numbers by reason, in sentences."""
    nameless = {"type": "page", "userId": "u"}
    (tmp_path / "messages.jsonl").write_bytes(b"\n".join([*map(orjson.dumps, [*tracks(2), nameless]), b"oops"]))

    code = run_shown("import", tmp_path / "messages.jsonl", "--destination", "web", "--dry-run")

    assert code == 0
    assert [line.strip() for line in terminal.text.splitlines()[-4:]] == [
        "would make: events 2, identities 0, impressions 0",
        "filtered: page_unnamed 1",
        "dead letters: not_json 1",
        "Nothing was stored (dry run).",
    ]


@pytest.mark.parametrize("columns", [80, 0])
def test_watching_fits_into_80_columns_until_ctrl_c(terminal, settings, endpoint, columns):
    """The table is drawn again in its place; no number is cut or wrapped, and Ctrl-C ends it with exit code 0.

    A terminal that does not say its size has 80.
    """
    terminal.resize(columns)
    endpoint(*tracks(12))
    pipes = dict.fromkeys(["stdin", "stdout", "stderr"], terminal.end)
    watching = start("status", "--watch", environ=settings.environ | {"TERM": "xterm"}, **pipes)
    wait_until(lambda: terminal.text.count("workers alive: 0") >= 2)
    watching.send_signal(2)
    code = watching.wait(10)

    assert code == 0
    assert "…" not in terminal.text
    assert max(len(line) for line in re.split(r"[\r\n]+", terminal.text)) <= 80
    for name in ("received", "delivered", "filtered", "duplicate", "pending", "dead", "oldest"):
        assert name in terminal.text
    assert re.search(r"received .* in flight dead oldest", terminal.text)


def test_a_dumb_terminal_is_watched_line_by_line(terminal, settings, endpoint):
    """One that can't draw over what it shows gets one table after the other."""
    endpoint(*tracks(12))
    pipes = dict.fromkeys(["stdin", "stdout", "stderr"], terminal.end)
    watching = start("status", "--watch", environ=settings.environ | {"TERM": "dumb"}, **pipes)
    wait_until(lambda: terminal.text.count("workers alive: 0") >= 2)
    watching.send_signal(2)
    code = watching.wait(10)

    assert code == 0
    assert "\x1b" not in terminal.text
    assert re.search(r"\n\n +received .*\nweb\nevents +12 ", terminal.text)
