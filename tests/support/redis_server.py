"""A redis-server that a scenario may kill, freeze and start again."""

import resource
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

from split_dest import embedded_redis
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.store import connect


class RedisServer:
    """A server on a Unix socket in a folder; like the embedded one it has all on disk before it answers."""

    def __init__(self, folder: Path, *options: str, within: Sequence[str] = ()) -> None:
        self.folder = folder
        self.url = f"unix://{socket_path(str(folder))}"
        self._command = [*within, *embedded_redis.command(str(folder)), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, on what is in its folder, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            # Else Python gives the server the signal that ends who writes beyond a file's largest size.
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, restore_signals=False)
        wait_for_redis(connect(self.url, ""), 60)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def fill_disk(self) -> None:
        """Let its append-only file, which has its own directory since Redis 7, grow no further."""
        self._limit_files(max(file.stat().st_size for file in self.folder.rglob("appendonly*.aof")))

    def make_room(self) -> None:
        """Let its files grow again."""
        self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, max_bytes: int) -> None:
        assert self._process is not None
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (max_bytes, hard))

    def forget(self) -> None:
        """Remove all that it has on disk."""
        for file in [*self.folder.rglob("appendonly*.*")]:
            file.unlink()

    @property
    def ended(self) -> bool:
        """Return whether it has given up by itself."""
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """End it with SIGKILL, frozen or not, if it was started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def wait_for_redis(client: redis.Redis, seconds: float = 10.0) -> None:
    """Wait until a Redis answers."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.02)
        else:
            client.close()
            return
    pytest.fail("Redis does not answer")
