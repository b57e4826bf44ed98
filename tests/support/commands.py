"""What a person types, as a separate process, and what came of it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

started: list[subprocess.Popen[bytes]] = []
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """What it wrote on stdout, one JSON value a line."""
        return [orjson.loads(line) for line in self.out.splitlines()]


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without own settings and width, and with what is given."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPLIT_DEST_", "COLUMNS"))
    }
    return inherited | dict(variables or {})


def start(
    *arguments: object,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "split_dest"),
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a command whose output can be read; what a test leaves is ended after it."""
    command = [sys.executable, *program, *map(str, arguments)]
    usual = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": REPOSITORY}
    started.append(subprocess.Popen(command, env=environment(environ), **(usual | options)))
    return started[-1]


def end_all() -> None:
    """End what was started and still runs, as Ctrl-C does."""
    while started:
        process = started.pop()
        if process.poll() is None:
            interrupted(process)
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            pipe.close()


def ran(
    *arguments: object, text: bytes = b"", environ: Mapping[str, str] | None = None, seconds: float = 30
) -> Ended:
    """Run a command to its end."""
    return ended(start(*arguments, environ=environ), text=text, seconds=seconds)


def interrupted(process: subprocess.Popen[bytes], with_signal: signal.Signals = signal.SIGINT) -> Ended:
    """Press Ctrl-C and waits for the end."""
    process.send_signal(with_signal)
    return ended(process)


def ended(process: subprocess.Popen[bytes], *, text: bytes | None = None, seconds: float = 30) -> Ended:
    """Wait for a command's end; one that does not come, or a stack trace, fails the test."""
    try:
        out, err = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        pytest.fail(f"not within {seconds} s; then it said: {process.communicate(timeout=40)}")
    result = Ended(process.returncode, (out or b"").decode(), (err or b"").decode())
    assert "Traceback" not in result.out + result.err, result.out + result.err
    return result


def wait_until(true: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is true and gives it."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        result = true()
        if result:
            return result
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} s")


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below one, each with its command line."""
    result: dict[int, str] = {}
    parents = [pid]
    while parents:
        children = [child for parent in parents for child in _children(parent)]
        result |= {child: _command(child) for child in children}
        parents = children
    return result


def listening(pids: Iterable[int]) -> set[str]:
    """Return the IPv4 addresses on which processes listen, and "IPv6" if any of them listens there."""
    sockets = {os.readlink(each) for pid in pids for each in Path(f"/proc/{pid}/fd").iterdir()}
    result = set()
    for kind in ("tcp", "tcp6"):
        for row in map(str.split, Path(f"/proc/net/{kind}").read_text().splitlines()[1:]):
            if row[3] == "0A" and f"socket:[{row[9]}]" in sockets:
                address = bytes.fromhex(row[1].partition(":")[0])[::-1]
                result.add("IPv6" if kind == "tcp6" else socket.inet_ntoa(address))
    return result


def lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
