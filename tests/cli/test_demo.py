"""demo: the first thing that anybody tries."""

import os
import re
import shlex
import subprocess
import sys
import venv
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import orjson
import pytest

from split_dest.cli.processes import call
from tests.support.commands import (
    REPOSITORY,
    descendants,
    ended,
    environment,
    listening,
    lives,
    ran,
    start,
    wait_until,
)

SEEN = {"key": "u-1", "split": "checkout_button", "treatment": "on", "time": 1768469400250}
#: As it is typed in a folder whose virtual environment is not active.
PROGRAM = os.path.relpath(Path(sys.executable).parent / "split-dest", REPOSITORY)
#: What must not be followed.
WIDE = {"PATH": os.defpath, "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:0", "HOST": "0.0.0.0"}  # noqa: S104
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
    """Return the cells of the table's rows."""
    cells = [tuple(cell.strip() for cell in line.split("│")[1:-1]) for line in out.splitlines() if "│" in line]
    return [row for row in cells if len(row) == 3]


def test_the_examples_arrive_and_nothing_is_left(tmp_path):
    """The table shows what each message became; exit code 0; neither files nor settings of the caller matter.

    Nor that the path for temporary files is longer than that of a socket can be.
    """
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    environ = {
        "TMPDIR": str(folder),
        "COLUMNS": "120",
        "SPLIT_DEST_CONFIG": "nowhere",
        "WORKER_CONCURRENCY": "7",
    }

    result = ran("demo", environ=environ, seconds=60)

    assert (result.code, result.err) == (0, "")
    assert rows(result.out) == BECAME
    assert result.out.startswith("Starting Redis, the sandbox, web and worker.\nEverything is up (")
    assert result.out.endswith("Everything arrived.\n")
    assert list(folder.iterdir()) == []


def test_what_does_not_arrive_is_told(tmp_path):
    """When the time is over, the table says what is missing, and the exit code is 1."""
    hurry = "from split_dest.cli import demo, main; demo._ARRIVE_SECONDS = 0; main()"

    result = ended(
        start("demo", program=["-c", hurry], environ={"TMPDIR": str(tmp_path), "COLUMNS": "120"}), seconds=60
    )

    assert result.code == 1
    assert result.err == "Error: not everything arrived within 0 s\n"
    assert [row[:2] for row in rows(result.out)] == [row[:2] for row in BECAME]
    assert "no" in {row[2] for row in rows(result.out)}
    assert list(tmp_path.iterdir()) == []


def test_kept_it_can_be_tried_until_ctrl_c(tmp_path):
    """What the printed curl lines post arrives, or is kept as a dead letter; the printed commands show it.

    Nobody beyond this machine can reach it, whatever the environment asks of gunicorn. Ctrl-C leaves nothing, with
    exit code 0.
    """
    running = start("demo", "--keep", program=[PROGRAM], environ={"TMPDIR": str(tmp_path), **WIDE})
    text = printed_at_the_start(running)
    printed = dict(re.findall(r"^(\w+(?: letters)?): +(\S.*)$", text, re.MULTILINE))
    below, addresses = descendants(running.pid), listening(descendants(running.pid))

    good, bad = (posted(line) for line in text.splitlines() if line.strip().startswith("curl "))
    arrived = wait_until(lambda: [e for e in received(printed["Sandbox"]) if e["eventTypeId"] == "Hello"])
    status, letters = typed(printed["Status"]), typed(printed["Dead letters"])
    metrics = call("GET", printed["Metrics"])
    call("POST", printed["Impressions"], orjson.dumps([SEEN]))
    tracks = wait_until(lambda: received(printed["Sandbox"].replace("=events", "=tracks")))
    running.send_signal(2)
    result = ended(running)

    assert addresses == {"127.0.0.1"}
    assert (good["accepted"], bad["set_aside"]) == (1, 1)
    assert (arrived[0]["key"], tracks[0]["userId"]) == ("u-1", "u-1")
    assert "demo" in status
    assert "id_not_string" in letters
    assert printed["Status"].startswith(f"{PROGRAM} status --config {tmp_path}/")
    assert metrics.status == 200
    assert text.count(f"'Authorization: {printed['Secret']}'") == 2
    assert (result.code, result.err) == (0, "")
    assert sum(1 for command in below.values() if "redis-server" in command) == 1
    assert not [*(command for pid, command in below.items() if lives(pid)), *tmp_path.iterdir()]


def typed(line: str) -> str:
    """Return what a printed command says in another terminal, in the same folder."""
    return subprocess.check_output(["sh", "-c", line], cwd=REPOSITORY, env=environment(), text=True)


def printed_at_the_start(running: subprocess.Popen[bytes]) -> str:
    """Return all that a kept demo prints."""
    text = ""
    while not text.endswith("Ctrl-C ends everything.\n"):
        line = running.stdout.readline().decode()
        assert line, running.stderr.read()
        text += line
    return text


def posted(line: str) -> dict:
    """Do what a printed curl line does; return the answer."""
    _, _, url, _, header, _, body = shlex.split(line)
    name, _, value = header.partition(": ")
    return orjson.loads(call("POST", url, body.encode(), {name: value}).data)


def received(url: str) -> list[dict]:
    """Return what the sandbox lists."""
    return orjson.loads(call("GET", url).data)


def test_stopped_in_the_midst_of_the_start_nothing_is_left(tmp_path):
    """A service manager's SIGTERM ends it as Ctrl-C does: all processes and files go, exit code 130."""
    running = start("demo", environ={"TMPDIR": str(tmp_path)})
    running.stdout.readline()
    below = wait_until(lambda: descendants(running.pid))

    running.terminate()
    result = ended(running)

    assert (result.code, result.err.strip()) == (130, "stopped")
    assert not [command for pid, command in below.items() if lives(pid)]
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_its_files_it_says_so(tmp_path):
    """A folder for temporary files that nobody can write to is told, not thrown."""
    (tmp_path / "file").write_text("")
    script = "import tempfile, sys; tempfile.tempdir = sys.argv.pop(); from split_dest.cli import main; main()"

    result = ended(start("demo", str(Path(tmp_path) / "file"), program=["-c", script]))

    assert (result.code, result.out) == (1, "")
    assert "Not a directory" in result.err


@pytest.mark.parametrize("leader", [[], ["make", "--silent", "--file"]])
def test_a_closed_terminal_ends_all_that_was_started_in_it(tmp_path, tmp_path_factory, leader):
    """The window is closed while everything runs: no process and no file is left, whatever runs in the window."""
    spawn = ["-c", "import pty, sys; pty.spawn(sys.argv[1:])"]
    command = [sys.executable, "-m", "split_dest", "demo", "--keep"]
    if leader:
        file = tmp_path_factory.mktemp("make") / "Makefile"
        file.write_text(f"run:\n\t{shlex.join(command)}\n")
        command = [*leader, str(file)]
    terminal = start(*command, program=spawn, environ={"TMPDIR": str(tmp_path)})
    wait_until(lambda: b"Ctrl-C ends everything." in terminal.stdout.readline(), 60)
    below = descendants(terminal.pid)

    terminal.kill()

    assert len(below) >= 6
    wait_until(lambda: not any(lives(pid) for pid in below), 30)
    assert list(tmp_path.iterdir()) == []


def test_the_locked_packages_are_all_that_the_service_needs(tmp_path: Path) -> None:
    """An installation has no package that only tests ask for."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    site = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    (site / "split_dest.pth").write_text(str(REPOSITORY))
    for name in re.findall(
        r"^([\w.-]+)(?:\[.*\])?==", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE
    ):
        # Some are for other systems and Pythons only.
        with suppress(PackageNotFoundError):
            link_package(distribution(name), site)

    demo = subprocess.run(
        [python, "-m", "split_dest", "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=90
    )

    assert demo.returncode == 0, demo.stderr


def link_package(package: Distribution, site: Path) -> None:
    """Make an installed package visible in another folder of packages."""
    for file in package.files or ():
        if file.parts[0] != "..":
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).symlink_to(str(package.locate_file(file)))
