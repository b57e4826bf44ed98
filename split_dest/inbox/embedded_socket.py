"""Where the embedded Redis listens, and who may listen there: the account that owns its data, and nobody else."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import redis

#: A Unix socket's path has 108 bytes at most on Linux (unix(7)).
_SOCKET_PATH_MAX = 100
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class ForeignSocket(redis.ConnectionError):
    """Another account may listen on the embedded Redis's socket; nothing was sent."""


def socket_path(data_dir: str) -> Path:
    """Return where the embedded Redis of a data directory listens.

    That is in the directory itself or, where the path would be too long, in a folder of the account that owns it.
    """
    folder = Path(data_dir).resolve()
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        return path
    # Not TMPDIR: it may be too long as well, and another one in another terminal.
    short = Path("/tmp") / f"split-dest-{_owner(data_dir)}"  # noqa: S108 - see is_trusted
    return short / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"


def is_trusted(data_dir: str) -> bool:
    """Return whether only the owner of a data directory, who is this account or root, can listen on its socket.

    Root trusts the owner, for it was root who named the directory.
    """
    owner = _owner(data_dir)
    try:
        folder = socket_path(data_dir).parent.lstat()
    except OSError:
        # Nobody listens there.
        return True
    is_ours = owner in (os.geteuid(), 0) or os.geteuid() == 0
    is_the_owners = stat.S_ISDIR(folder.st_mode) and folder.st_uid in (owner, 0)
    return is_ours and is_the_owners and not folder.st_mode & _OTHERS_WRITE


def _owner(data_dir: str) -> int:
    try:
        return Path(data_dir).stat().st_uid
    except OSError:
        return os.geteuid()


def greet(data_dir: str, connection: Any) -> None:
    """Say hello on a new connection to the embedded Redis of a data directory.

    Raises:
        ForeignSocket: others may listen at its end; nothing was sent.
    """
    if not is_trusted(data_dir):
        raise ForeignSocket("others may listen there")
    connection.on_connect()
