"""Processes that belong to one command."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import click
import pytest

from split_dest.cli import processes
from split_dest.cli.processes import Processes, free_port, with_our_programs
from tests.support.commands import wait_until

DEAF = "trap '' TERM; echo ready; while true; do sleep 0.1; done"


@pytest.fixture
def some(tmp_path):
    """Processes whose logs go to the test's folder."""
    with Processes(tmp_path, os.environ) as each:
        yield each


def test_what_the_others_need_ends_after_them(tmp_path):
    """Redis outlives those who write to it, however long they take."""
    with Processes(tmp_path, os.environ) as some:
        for name, seconds in (("needed", 0), ("quick", 0), ("slow", 0.3)):
            on_end = (
                f"trap 'sleep {seconds}; echo {name} >> {tmp_path}/ended; exit' TERM; echo up; sleep 60 & wait"
            )
            some.start(name, ["sh", "-c", on_end], is_last=name == "needed")
            wait_until((tmp_path / f"{name}.log").read_text)

    assert (tmp_path / "ended").read_text().split() == ["quick", "slow", "needed"]


def test_lines_are_shown_behind_the_name_of_their_process(tmp_path, capfd):
    """With the time; a text is a command for the shell."""
    with Processes(tmp_path, os.environ) as some:
        some.start_shown("shell", "echo one && echo two; exec sleep 60")
        some.start_shown("list", ["sh", "-c", "echo three >&2; exec sleep 60"])
        lines = []
        wait_until(lambda: lines.extend(capfd.readouterr().out.splitlines()) or len(lines) >= 5)

    shown = {line.split(" ", 1)[1] for line in lines}
    assert {"shell  | one", "shell  | two", "list   | three"} <= shown
    assert re.fullmatch(r"\d\d:\d\d:\d\d system \| shell started \(pid=\d+\)", lines[0])


def test_what_a_shell_started_may_finish_its_work(tmp_path, capfd):
    """The shell dies of SIGTERM at once; what it started ends when it is done, and counts until then."""
    work = "trap 'sleep 0.3; echo done; exit' TERM; echo up; while true; do sleep 0.05; done"
    with Processes(tmp_path, os.environ) as some:
        some.start_shown("both", f'sh -c "{work}"; true')
        wait_until(lambda: "up" in capfd.readouterr().out)

    out = capfd.readouterr().out
    assert "both   | done" in out
    assert out.endswith("both stopped\n")


def test_a_process_that_does_not_end_is_killed(tmp_path, monkeypatch):
    """After its time it is killed; nothing is left and nobody waits for ever."""
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    started = time.monotonic()

    with Processes(tmp_path, os.environ) as some:
        some.start("deaf", ["sh", "-c", f"echo $$ > {tmp_path}/pid; {DEAF}"])
        wait_until((tmp_path / "deaf.log").read_text)

    assert time.monotonic() - started < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_second_ctrl_c_ends_the_waiting(tmp_path):
    """Who presses Ctrl-C while something does not end kills it, and the others still end in order."""
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    some = Processes(tmp_path, os.environ)
    some.start("first", ["sleep", "60"])
    some.start("deaf", ["sh", "-c", DEAF])
    wait_until((tmp_path / "deaf.log").read_text)
    started = time.monotonic()

    signal.setitimer(signal.ITIMER_REAL, 0.3)
    some.stop()

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert time.monotonic() - started < 5
    assert children("sleep") == []


def test_a_burst_of_ctrl_c_leaves_nothing(tmp_path):
    """However often and whenever it comes while processes are stopped, all of them end."""
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    some = Processes(tmp_path, os.environ)
    for name in ("one", "two", "three"):
        some.start(name, ["sh", "-c", DEAF])
        wait_until((tmp_path / f"{name}.log").read_text)

    signal.signal(signal.SIGINT, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    some.stop()
    signal.setitimer(signal.ITIMER_REAL, 0)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert children("sh") == []


def test_ctrl_c_during_a_start_forgets_no_process(tmp_path):
    """However often a start is interrupted, what it had started is ended."""
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    for microseconds in range(0, 4000, 250):
        with suppress(KeyboardInterrupt), Processes(tmp_path, os.environ) as some:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + microseconds / 1_000_000)
            for n in range(20):
                some.start(f"p{n}", ["sleep", "60"])
            time.sleep(1)

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert children("sleep") == []


def children(name: str) -> list[str]:
    """Return the ids of this process's children of a name."""
    listed = subprocess.run(["pgrep", "-P", str(os.getpid()), "-x", name], capture_output=True, check=False)
    return listed.stdout.split()


def test_a_process_that_ended_is_told_with_its_last_words(some):
    """Which one, its exit code, and what it wrote."""
    some.start("fine", ["sleep", "60"])
    some.start("broken", ["sh", "-c", "echo what went wrong; exit 3"])

    with pytest.raises(click.ClickException) as error:
        some.wait_for("http://127.0.0.1:1/", 10)

    assert error.value.message == "broken ended with 3:\nwhat went wrong\n"


def test_who_does_not_answer_is_told_with_what_all_said(some, tmp_path):
    """After its time the address is told, with the last lines of every process that wrote any."""
    some.start("silent", ["sleep", "60"])
    some.start("chatty", ["sh", "-c", "echo starting; sleep 60"])
    wait_until((tmp_path / "chatty.log").read_text)

    with pytest.raises(click.ClickException) as error:
        some.wait_for("http://127.0.0.1:1/", 0.2)

    assert error.value.message == "http://127.0.0.1:1/ did not answer within 0 s\nchatty: starting"


def test_a_port_is_the_preferred_one_if_it_is_free():
    """A port that somebody listens on is not given."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        preferred = listener.getsockname()[1]
        listener.listen()

        instead = free_port(preferred)

    assert instead not in (0, preferred)
    assert free_port(preferred) == preferred


@pytest.mark.parametrize("environ", [{"PATH": "/usr/bin"}, {}])
def test_our_own_programs_are_found_first(environ):
    """Without the virtual environment being active, gunicorn is that of this Python."""
    result = with_our_programs(environ)

    assert result["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)
    assert environ.get("PATH", os.defpath) in result["PATH"]
