"""A master, two replicas and three sentinels that promote one of them when the master falls silent."""

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

from split_dest import embedded_redis
from tests.support.redis_server import RedisServer
from tests.support.sandbox import free_port

#: After so long of silence a sentinel takes a server for dead.
DOWN_MS = 2000
_SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor service 127.0.0.1 {master} 2
sentinel down-after-milliseconds service {down_ms}
sentinel failover-timeout service 4000
sentinel parallel-syncs service 2
"""


class Sentinels:
    """Six processes of the bundled server's own binary, on ports of the loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = [free_port() for _ in range(3)]
        self._servers = {port: self._server(port) for port in (free_port() for _ in range(3))}
        self._sentinels: list[subprocess.Popen[bytes]] = []
        self.url = f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self._ports)}/service/0"

    def _server(self, port: int) -> RedisServer:
        options = {"port": port, "bind": "127.0.0.1", "repl-diskless-sync": "yes", "repl-diskless-sync-delay": 0}
        named = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return RedisServer(self.folder / f"redis-{port}", *named)

    def start(self) -> None:
        """Start all, and wait until the sentinels know one another and both replicas follow."""
        master, *replicas = self._servers
        for server in self._servers.values():
            server.start()
        for port in replicas:
            _client(port).replicaof("127.0.0.1", master)
        for port in self._ports:
            self._start_sentinel(port, master)
        self._wait(lambda: all(self._knows_all(port) for port in self._ports))
        self.wait_until_whole()

    def _start_sentinel(self, port: int, master: int) -> None:
        file = self.folder / f"sentinel-{port}.conf"
        file.write_text(_SENTINEL.format(port=port, folder=self.folder, master=master, down_ms=DOWN_MS))
        command = [str(embedded_redis.server()), str(file), "--sentinel"]
        with (self.folder / f"sentinel-{port}.log").open("ab") as log:
            self._sentinels.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _knows_all(self, port: int) -> bool:
        told = _client(port).sentinel_master("service")
        return (told["num-slaves"], told["num-other-sentinels"]) == (2, 2)

    def _master_port(self) -> int:
        return int(_client(self._ports[-1]).sentinel_master("service")["port"])

    def master(self) -> RedisServer:
        """Return the server that is the master now, by what the last sentinel says."""
        return self._servers[self._master_port()]

    def signal_first(self, number: signal.Signals) -> None:
        """Send a signal to the sentinel that clients ask first."""
        self._sentinels[0].send_signal(number)

    def promote(self) -> None:
        """Let a sentinel promote a replica while the master is well."""
        _client(self._ports[-1]).sentinel_failover("service")

    def wait_until_whole(self) -> None:
        """Wait until two replicas have all that the master has."""
        self._wait(self._is_whole)

    def _is_whole(self) -> bool:
        told = _client(self._master_port()).info("replication")
        return [told.get(f"slave{n}", {}).get("state") for n in range(2)] == ["online", "online"]

    def _wait(self, true: Callable[[], bool], seconds: float = 240.0) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with suppress(redis.RedisError):
                if true():
                    return
            time.sleep(0.1)
        raise AssertionError("the sentinels are not whole")

    def kill(self) -> None:
        """End all."""
        for sentinel in self._sentinels:
            sentinel.kill()
            sentinel.wait(10)
        for server in self._servers.values():
            server.kill()


def _client(port: int) -> redis.Redis:
    return redis.Redis(port=port, socket_timeout=5, protocol=2)
