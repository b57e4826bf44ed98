"""Processes on this machine that belong to one command and end with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click
import urllib3

#: Longer than the web's and the workers' own last call takes.
STOP_SECONDS = 28.0


class Processes:
    """Started in order, stopped in the reverse order, so that Redis outlives those who write to it."""

    def __init__(self, log_dir: Path, environ: Mapping[str, str]) -> None:
        self._log_dir = log_dir
        self._environ = with_our_programs(environ)
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Starts a process whose output goes to ``<name>.log``."""
        with _uninterrupted(), (self._log_dir / f"{name}.log").open("ab") as log:
            # A session of its own: a Ctrl-C in the terminal reaches only us, and we stop them in order.
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command, stdout=log, stderr=log, env=self._environ, start_new_session=True
            )
            self._started.append((name, process))

    def check(self) -> None:
        """Makes sure that all run.

        Raises:
            click.ClickException: one ended; its last lines stand in the text.
        """
        for name, process in self._started:
            if process.poll() is not None:
                log = (self._log_dir / f"{name}.log").read_text(errors="replace")
                raise click.ClickException(f"{name} ended with {process.returncode}:\n{log[-2000:]}")

    def wait_for(self, url: str, seconds: float = 20.0) -> None:
        """Waits until an address answers with 200.

        Raises:
            click.ClickException: it does not, or a process ended.
        """
        self.wait_until(lambda: _answers(url), url, seconds)

    def wait_until(self, ready: Callable[[], bool], name: str, seconds: float = 20.0) -> None:
        """Waits until something is ready; *name* is what the error calls it.

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
        logs = ((name, self._log_dir / f"{name}.log") for name, _ in self._started)
        said = ((name, log.read_text(errors="replace")[-2000:].strip()) for name, log in logs)
        return "".join(f"\n{name}: {lines}" for name, lines in said if lines)

    def stop(self) -> None:
        """Ends all that were started; who asks again, by Ctrl-C, does not wait any longer."""
        for _, process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()
                process.wait()
        self._started.clear()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Puts Ctrl-C and SIGTERM off until the block ends, so that no process is started and then forgotten."""
    came: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    former = [signal.signal(number, lambda got, _: came.append(got)) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, former, strict=True):
            signal.signal(number, handler)
        for got in came:
            signal.raise_signal(got)


def call(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    """Makes one HTTP call; its connection is closed, since a server that stops waits for those that are open.

    Raises:
        urllib3.exceptions.HTTPError: no answer came.
    """
    given = {**(headers or {}), "Connection": "close"}
    return urllib3.request(method, url, body=body, headers=given, timeout=5, retries=False)


def _answers(url: str) -> bool:
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def with_our_programs(environ: Mapping[str, str]) -> dict[str, str]:
    """Gives the environment with this Python's programs, such as gunicorn, found first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return {**environ, "PATH": path}


def free_port(preferred: int) -> int:
    """Gives the preferred port of the loopback address if nobody listens there, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise click.ClickException("no free port on the loopback address")


def terminate_like_interrupt() -> None:
    """Lets SIGTERM end a command as Ctrl-C does, so that what it started is stopped as well."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
