"""Processes on this machine that belong to one command and end with it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import IO

import click
import urllib3

from split_dest.terminal import escaped, unescaped

#: Longer than the web's and the workers' own last call takes.
STOP_SECONDS = 28.0
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_showing = threading.Lock()


def web_command(address: str) -> list[str]:
    """Return the command of the Procfile's web process, listening on *address*."""
    web = ["--config", "python:split_dest.web.gunicorn", "--bind", address, "split_dest.web:create_app()"]
    return [*python("gunicorn"), *web]


def worker_command() -> list[str]:
    """Return the command of the Procfile's worker process."""
    return python("workers")


def python(module: str) -> list[str]:
    """Return the command that runs a module; never one of the same name in the working directory."""
    return [sys.executable, "-P", "-m", module]


@dataclass(frozen=True, slots=True)
class _Process:
    """A process in its own session; *reader* is the thread that shows its output, if it is shown."""

    name: str
    popen: subprocess.Popen[bytes]
    is_last: bool
    reader: threading.Thread | None = None

    @property
    def lives(self) -> bool:
        """Return whether it runs, or something that it started still writes where its output is shown."""
        return self.popen.poll() is None or (self.reader is not None and self.reader.is_alive())

    def send(self, number: int) -> None:
        """Send a signal to it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        """End it now."""
        self.tell(f"sending SIGKILL to {self.name} (pid={self.popen.pid})")
        self.send(signal.SIGKILL)
        self.popen.wait()
        if self.reader:
            self.reader.join(1)

    def tell(self, text: str) -> None:
        """Print a line about it, if its own lines are shown."""
        if self.reader:
            show("system", text)


class Processes:
    """Processes that are stopped together, those that the others need last, so that Redis outlives its writers."""

    def __init__(self, log_dir: Path, environ: Mapping[str, str]) -> None:
        self._log_dir = log_dir
        self._environ = with_our_programs(environ)
        self._started: list[_Process] = []
        self._colours = cycle(("cyan", "yellow", "green", "magenta", "blue"))

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], *, is_last: bool = False) -> None:
        """Start a process whose output goes to ``<name>.log``; *is_last*: it is stopped after the others."""
        # Interrupted between start and note, a process would be forgotten.
        with uninterrupted(), open(self._log_dir / f"{name}.log", "ab", opener=_for_us_alone) as log:
            self._started.append(_Process(name, self._popen(command, log), is_last))

    def start_shown(self, name: str, command: Sequence[str] | str) -> None:
        """Start a process whose lines are shown behind its name; a text is a command for the shell."""
        with uninterrupted():
            popen = self._popen(command, subprocess.PIPE)
            what = (name, popen.stdout, next(self._colours))
            reader = threading.Thread(target=_show_lines, args=what, daemon=True)
            self._started.append(_Process(name, popen, False, reader))
            show("system", f"{name} started (pid={popen.pid})")
            reader.start()

    def _popen(self, command: Sequence[str] | str, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        # Its own session: a Ctrl-C in the terminal reaches only us, and we stop them in order.
        return subprocess.Popen(  # noqa: S603 - our own commands, and those of the person's own Procfile
            command,
            shell=isinstance(command, str),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=self._environ,
            start_new_session=True,
        )

    def check(self) -> None:
        """Make sure that all run.

        Raises:
            click.ClickException: one ended; its last lines stand in the text, unless they were shown.
        """
        for process in self._started:
            code = process.popen.poll()
            if code is not None and process.reader:
                process.reader.join(1)
                raise click.ClickException(f"{process.name} ended by itself ({code}); its lines above say why")
            if code is not None:
                log = (self._log_dir / f"{process.name}.log").read_text(errors="replace")
                raise click.ClickException(f"{process.name} ended with {code}:\n{log[-2000:]}")

    def wait_for(self, url: str, seconds: float = 20.0) -> None:
        """Wait until an address answers with 200.

        Raises:
            click.ClickException: it does not, or a process ended.
        """
        self.wait_until(lambda: _answers(url), url, seconds)

    def wait_until(self, ready: Callable[[], bool], name: str, seconds: float = 20.0) -> None:
        """Wait until something is ready; *name* is what the error calls it.

        Raises:
            click.ClickException: it is not, or a process ended.
        """
        ends = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > ends:
                raise click.ClickException(f"{name} did not answer within {seconds:.0f} s{self._last_lines()}")
            time.sleep(0.05)

    def _last_lines(self) -> str:
        logs = ((process.name, self._log_dir / f"{process.name}.log") for process in self._started)
        texts = ((name, log.read_text(errors="replace")[-2000:].strip()) for name, log in logs)
        return "".join(f"\n{name}: {lines}" for name, lines in texts if lines)

    def pass_on(self, number: int) -> None:
        """Send a signal to all whose output is shown."""
        for process in self._started:
            if process.reader and process.lives:
                process.send(number)

    def stop(self) -> None:
        """End all that were started; a Ctrl-C meanwhile kills the one that is waited for."""
        with uninterrupted() as pending:
            for is_last in (False, True):
                self._end([process for process in self._started if process.is_last is is_last], pending)
            pending.clear()
        self._started.clear()

    def _end(self, processes: Sequence[_Process], pending: list[int]) -> None:
        for process in filter(lambda each: each.lives, processes):
            process.tell(f"sending SIGTERM to {process.name} (pid={process.popen.pid})")
            process.send(signal.SIGTERM)
        ends = time.monotonic() + STOP_SECONDS
        for process in processes:
            while process.lives and not pending and time.monotonic() < ends:
                time.sleep(0.02)
            if process.lives:
                process.kill()
                pending.clear()
            code = process.popen.returncode
            # A shell that was told to end says so by its exit code.
            process.tell(f"{process.name} stopped" + (f" ({code})" if code not in (0, -signal.SIGTERM) else ""))


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def show(name: str, text: str, colour: str | None = None) -> None:
    """Print a line behind the time and a name, unless the terminal was closed or can't show a character of it."""
    prefix = click.style(f"{time.strftime('%H:%M:%S')} {name:<6} | ", fg=colour)
    with _showing, suppress(OSError, UnicodeError):
        click.echo(prefix + escaped(text), file=unescaped(sys.stdout))


def _show_lines(name: str, output: IO[bytes], colour: str) -> None:
    with output:
        for line in output:
            show(name, line.decode(errors="replace").rstrip("\r\n"), colour)


@contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """Put Ctrl-C and its like off until the block ends, and yield the list of those that came."""
    pending: list[int] = []
    # What is ignored stays so, for what is started inherits it.
    former = {each: handler for each in _INTERRUPTS if callable(handler := signal.getsignal(each))}
    for number in former:
        signal.signal(number, lambda number, _: pending.append(number))
    try:
        yield pending
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for each in pending:
            signal.raise_signal(each)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does, so that what it started is stopped."""
    former = {number: signal.getsignal(number) for number in _INTERRUPTS}
    for number, handler in former.items():
        # nohup ignores SIGHUP for what it starts.
        if number != signal.SIGHUP or handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(number: int, _: object) -> None:
    if number == signal.SIGHUP:
        # It comes twice, from the shell and from the system, and the second must not spoil the end.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt


def call(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    """Make one HTTP call; its connection is closed, since a server that stops waits for those that are open.

    Raises:
        urllib3.exceptions.HTTPError: no answer came.
    """
    all_headers = {**(headers or {}), "Connection": "close"}
    return urllib3.request(method, url, body=body, headers=all_headers, timeout=5, retries=False)


def _answers(url: str) -> bool:
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def with_our_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with this Python's programs, such as gunicorn, found first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return {**environ, "PATH": path}


def free_port(preferred: int) -> int:
    """Return the preferred port of the loopback address if nobody listens there, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise click.ClickException("no free port on the loopback address")
