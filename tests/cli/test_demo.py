"""demo: the first thing that anybody tries."""

import re
import shlex
import subprocess
from pathlib import Path

import orjson

from split_dest.cli.processes import call
from tests.cli.typed import descendants, ended, listening, lives, ran, start, wait_until

BECAME = [
    ("track Order Completed", "event Order_Completed / user / u-1001", "yes"),
    ("", "event Order_Completed / anonymous / a-7f3", "yes"),
    ("track Auction complete", "event Auction_complete / user / u-1001", "yes"),
    ("", "event Auction_complete / auction / abcd-1234", "yes"),
    ("", "event Auction_complete / partner / p-5678", "yes"),
    ("page Signup", "event view_Signup_page / anonymous / a-7f3", "yes"),
    ("screen Checkout", "event viewed_Checkout_screen / user / u-1001", "yes"),
    ("identify", "identity user / u-1001", "yes"),
    ("group", "identity account / g-1", "yes"),
    ("page", "nothing: page_unnamed", "-"),
    ("alias", "nothing: unsupported_type", "-"),
]


def rows(out: str) -> list[tuple[str, ...]]:
    """Gives the cells of the table's rows."""
    cells = [tuple(cell.strip() for cell in line.split("│")[1:-1]) for line in out.splitlines() if "│" in line]
    return [row for row in cells if len(row) == 3]


def test_the_examples_arrive_and_nothing_is_left(tmp_path):
    """The table shows what each message became; exit code 0; neither files nor settings of the caller matter."""
    environ = {
        "TMPDIR": str(tmp_path),
        "COLUMNS": "120",
        "SPLIT_DEST_CONFIG": "nowhere",
        "WORKER_CONCURRENCY": "7",
    }

    found = ran("demo", environ=environ, seconds=60)

    assert (found.code, found.err) == (0, "")
    assert rows(found.out) == BECAME
    assert found.out.startswith("Starting Redis, the sandbox, web and worker.\nAll run after ")
    assert found.out.endswith("Everything arrived.\n")
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_arrive_is_told(tmp_path):
    """When the time is over, the table says what is missing, and the exit code is 1."""
    hurry = "from split_dest.cli import demo, main; demo._ARRIVE_SECONDS = 0; main()"

    found = ended(
        start("demo", program=["-c", hurry], environ={"TMPDIR": str(tmp_path), "COLUMNS": "120"}), seconds=60
    )

    assert found.code == 1
    assert found.err == "Error: not everything arrived within 0 s\n"
    assert [row[:2] for row in rows(found.out)] == [row[:2] for row in BECAME]
    assert "no" in {row[2] for row in rows(found.out)}
    assert list(tmp_path.iterdir()) == []


def test_kept_it_can_be_tried_until_ctrl_c(tmp_path):
    """What the printed curl line posts arrives at the printed sandbox; Ctrl-C leaves nothing, with exit code 0.

    Nobody beyond this machine can reach it, whatever the environment asks of gunicorn.
    """
    wide = {"GUNICORN_CMD_ARGS": "--bind 0.0.0.0:0", "HOST": "0.0.0.0"}  # noqa: S104 (what must not be followed)
    running = start("demo", "--keep", environ={"TMPDIR": str(tmp_path), **wide})
    said = said_at_the_start(running)
    told = dict(re.findall(r"^(Door|Sandbox|Metrics|Secret|Impressions): +(\S+)$", said, re.MULTILINE))
    below = descendants(running.pid)
    addresses = listening(below)

    answer = typed_curl(said)
    arrived = wait_until(lambda: [e for e in received(told["Sandbox"]) if e["eventTypeId"] == "Hello"])
    metrics = call("GET", told["Metrics"])
    seen = {"key": "u-1", "split": "checkout_button", "treatment": "on", "time": 1768469400250}
    call("POST", told["Impressions"], orjson.dumps([seen]))
    tracks = wait_until(lambda: received(told["Sandbox"].replace("=events", "=tracks")))
    running.send_signal(2)
    found = ended(running)

    assert addresses == {"127.0.0.1"}
    assert answer["accepted"] == 1
    assert (arrived[0]["key"], tracks[0]["userId"]) == ("u-1", "u-1")
    assert metrics.status == 200
    assert told["Secret"] in said.split("Try it:")[1]
    assert (found.code, found.err) == (0, "")
    assert sum(1 for command in below.values() if "redis-server" in command) == 1
    assert not [*(command for pid, command in below.items() if lives(pid)), *tmp_path.iterdir()]


def said_at_the_start(running: subprocess.Popen[bytes]) -> str:
    """Gives all that a kept demo says."""
    said = ""
    while not said.endswith("Ctrl-C ends everything.\n"):
        line = running.stdout.readline().decode()
        assert line, running.stderr.read()
        said += line
    return said


def typed_curl(said: str) -> dict:
    """Does what the printed curl line does."""
    line = next(line for line in said.splitlines() if line.strip().startswith("curl "))
    _, _, url, _, header, _, body = shlex.split(line)
    name, _, value = header.partition(": ")
    answer = call("POST", url, body.encode(), {name: value})
    return orjson.loads(answer.data)


def received(url: str) -> list[dict]:
    """Gives what the sandbox lists."""
    return orjson.loads(call("GET", url).data)


def test_stopped_in_the_midst_of_the_start_nothing_is_left(tmp_path):
    """A service manager's SIGTERM ends it as Ctrl-C does: all processes and files go, exit code 1."""
    running = start("demo", environ={"TMPDIR": str(tmp_path)})
    running.stdout.readline()
    below = wait_until(lambda: descendants(running.pid))

    running.terminate()
    found = ended(running)

    assert (found.code, found.err.strip()) == (1, "stopped")
    assert not [command for pid, command in below.items() if lives(pid)]
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_its_files_it_says_so(tmp_path):
    """A folder for temporary files that nobody can write to is told, not thrown."""
    (tmp_path / "file").write_text("")
    script = "import tempfile, sys; tempfile.tempdir = sys.argv.pop(); from split_dest.cli import main; main()"

    found = ended(start("demo", str(Path(tmp_path) / "file"), program=["-c", script]))

    assert (found.code, found.out) == (1, "")
    assert "Not a directory" in found.err
