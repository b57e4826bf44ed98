"""The service in real processes: gunicorn and `python -m workers`, with settings and variables of a test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from split_dest.inbox import ledger
from split_dest.inbox.lanes import OF_SOURCE
from split_dest.inbox.ledger import LaneNumbers
from split_dest.inbox.store import Store
from tests.support.sandbox import free_port

SECRET = "a-secret-of-the-tests"

SETTINGS = """
redis: {{url: "{redis}"}}
split: {{events_url: "{sandbox}/api", admin_url: "{sandbox}/internal/api/v2"}}
delivery: {{timeout_seconds: 2}}
destinations:
  web:
    authorization: ["${{TEST_SECRET}}"]
    split:
      sdk_key: ${{TEST_SDK_KEY}}
      admin_key: ${{TEST_ADMIN_KEY}}
      workspace_id: ws-1
      environment: Production
"""

VARIABLES = {
    "TEST_SECRET": SECRET,
    "TEST_SDK_KEY": "sandbox-sdk-key",
    "TEST_ADMIN_KEY": "sandbox-admin-key",
    "TEST_WRITE_KEY": "sandbox-write-key",
}


class Service:
    """Processes that are started, killed and stopped by their ids."""

    def __init__(self, folder: Path, store: Store, settings: str, **variables: str) -> None:
        self.folder = folder
        self.store = store
        self.file = folder / "settings.yaml"
        self.file.write_text(settings)
        self.environ = {**os.environ, **VARIABLES, "SPLIT_DEST_CONFIG": str(self.file), **variables}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.http = urllib3.PoolManager(retries=False, timeout=10)
        self.url = ""

    def change(self, old: str, new: str) -> None:
        """Change the settings file, for processes that start later."""
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))

    def start_web(
        self, port: int = 0, *, host: str = "127.0.0.1", within: Sequence[str] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start gunicorn by the Procfile's own words, on a free port if none is given; wait for it.

        Args:
            port: to listen on.
            host: the address to listen on.
            within: a command that runs the command that follows it, elsewhere.
            **variables: of its environment.
        """
        port = port or free_port()
        self.url = f"http://{host}:{port}"
        command = [*within, "sh", "-c", "exec " + procfile()["web"]]
        process = self._start("web", command, HOST=host, PORT=str(port), **variables)
        self.wait_until(lambda: self._answers(process))
        return process

    def start_workers(
        self, count: int = 2, *, within: Sequence[str] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start the worker by the Procfile's own words and wait until all are alive; see ``start_web``."""
        command = [*within, "sh", "-c", "exec " + procfile()["worker"]]
        process = self._start("worker", command, WORKER_CONCURRENCY=str(count), **variables)
        self.wait_until(lambda: self._alive(process) == count)
        return process

    def _alive(self, process: subprocess.Popen[bytes]) -> int:
        assert process.poll() is None, self.log("worker")
        named = b" ".join(self.store.client.zrange(self.store.key("workers"), 0, -1)).decode()
        return sum(f"{socket.gethostname()}-{pid}-" in named for pid in worker_pids(process.pid))

    def _start(self, name: str, command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**self.environ, "PATH": path, **variables},
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.log("web")
        try:
            return bool(self.http.request("GET", f"{self.url}/livez").status == 200)
        except urllib3.exceptions.HTTPError:
            return False

    def command(self, *arguments: str) -> str:
        """Return what a `split-dest` command says, with the service's settings; it must end well."""
        program = str(Path(sys.executable).parent / "split-dest")
        ended = subprocess.run(
            [program, *arguments], env=self.environ, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr + ended.stdout
        return ended.stdout

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.folder / f"{name}.log").read_text()

    def post(self, body: Any, path: str = "/webhook/web", **headers: str) -> urllib3.BaseHTTPResponse:
        """Post a body, JSON unless it is bytes, with the secret."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        given = {"Authorization": SECRET} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request("POST", self.url + path, body=data, headers=given)

    def lane(self, name: str = "events", destination: str = "web") -> LaneNumbers:
        """Return a lane's numbers."""
        sources = [destination] if name in OF_SOURCE else []
        return ledger.read(self.store, [destination], sources).lanes[destination, name]

    def wait_until(self, true: Callable[[], bool], seconds: float = 20.0) -> float:
        """Wait until something holds; return how long it took, in seconds."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if true():
                return time.monotonic() - started
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} s; {self.lane()}; {self.log('worker')[-3000:]}")

    def stop(self, *processes: subprocess.Popen[bytes]) -> list[int]:
        """Stop processes, or all, as an init system does; return their exit codes."""
        codes = []
        self.hang_up()
        for process in processes or self.processes[::-1]:
            process.send_signal(signal.SIGTERM)
            codes.append(process.wait(30))
            self.processes.remove(process)
        return codes

    def forget(self) -> None:
        """Empty Redis and the logs, once no drain is at work, so that another test may begin."""
        if any(worker_pids(process.pid) for process in self.processes):
            self.wait_until(lambda: not self.store.client.keys("sd:*:drain:?"))
        self.hang_up()
        self.store.client.flushall()
        for log in self.folder.glob("*.log"):
            os.truncate(log, 0)

    def hang_up(self) -> None:
        """Close the connections to the web process, which otherwise waits two seconds for them when it stops."""
        # Those of a pool that is only cleared stay until Python has found that nobody needs it.
        for key in self.http.pools.keys():  # noqa: SIM118 - it is no dictionary
            self.http.pools[key].close()
        self.http.clear()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process with all that it started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        self.processes.remove(process)


def worker_pids(parent: int) -> list[int]:
    """Return the ids of the worker processes that a ``python -m workers`` started."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in listed if b"spawn_main" in _command_line(pid)]


def _command_line(pid: str) -> bytes:
    """Return nothing for a process that has ended since it was listed."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def speak(url: str, request: bytes) -> bytes:
    """Return what a server answers to raw bytes, until it closes the connection."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def procfile() -> Mapping[str, str]:
    """Return the Procfile's commands by name."""
    lines = (Path(__file__).parents[2] / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines if line.strip())}


def tracks(count: int, start: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Return this many track messages, each with its own id and key."""
    return [
        {
            "type": "track",
            "event": "Tried",
            "messageId": f"m-{n}",
            "userId": f"u-{n}",
            "timestamp": "2026-01-15T09:30:00.250Z",
            "properties": {"number": n},
        }
        | more
        for n in range(start, start + count)
    ]
