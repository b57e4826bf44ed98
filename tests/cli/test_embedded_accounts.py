"""The embedded Redis and the other accounts of the machine: they can't read its data, nor pretend to be it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from split_dest.cli.processes import Processes
from split_dest.embedded_redis import command, is_served
from split_dest.errors import NotPrivate, StoreUnavailable
from split_dest.inbox.embedded_socket import ForeignSocket, is_trusted, socket_path
from split_dest.inbox.store import Store, connect
from tests.support.redis_server import wait_for_redis

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs other accounts, as root")
#: Of accounts that no machine has.
US, STRANGER = 54_321, 54_322


@pytest.fixture
def serve() -> Iterator[Callable[[str], redis.Redis]]:
    """Serve data directories, and return their clients; all servers are stopped afterwards."""
    servers = []

    def start(folder: str) -> redis.Redis:
        servers.append(subprocess.Popen(command(folder)))
        client = connect("embedded", folder)
        wait_for_redis(client)
        return client

    yield start
    for server in servers:
        server.terminate()
        server.wait(10)


@contextmanager
def acting_as(account: int) -> Iterator[None]:
    """Be another account for as long as the block lasts."""
    os.seteuid(account)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every account can enter, unlike those that pytest makes."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def open_to_others(folder: Path) -> dict[str, int]:
    """Return what in and with a folder others may read, write or enter."""
    return {str(path): bits for path in (folder, *folder.rglob("*")) if (bits := path.lstat().st_mode & 0o077)}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_nobody_else_can_read_what_it_keeps(tmp_path, serve, umask):
    """Whatever the account's own umask is: the folder, the append-only file, a dump, and what replaces them."""
    former = os.umask(umask)
    try:
        client = serve(str(tmp_path / "data"))
    finally:
        os.umask(former)
    client.set("kept", "a person's data")
    client.save()
    client.bgrewriteaof()
    client.close()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert open_to_others(tmp_path / "data") == {}


def test_what_a_former_version_left_open_is_closed(tmp_path):
    """Its folder was 0755 and its file 0644; what somebody else keeps there stays as it is."""
    for name in ("appendonly.aof", "appendonlydir/appendonly.aof.1.base.rdb", "dump.rdb", "redis.log", "theirs"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch(0o644)
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)

    command(str(tmp_path))

    assert open_to_others(tmp_path) == {str(tmp_path / "theirs"): 0o044}
    assert (tmp_path / "appendonly.aof").stat().st_mode & 0o777 == 0o600


def test_the_log_beside_the_data_is_not_open_either(tmp_path):
    """It is opened before the server starts, by the account's own umask."""
    with Processes(tmp_path, os.environ) as processes:
        processes.start("redis", ["/bin/sleep", "60"])

    assert (tmp_path / "redis.log").stat().st_mode & 0o777 == 0o600


def test_a_folder_of_all_accounts_is_refused(tmp_path):
    """A folder such as /tmp is closed to nobody; the text says what to do."""
    tmp_path.chmod(0o1777)

    with pytest.raises(NotPrivate, match=r"is shared by all accounts; set redis\.data_dir to a folder below it"):
        command(str(tmp_path))

    assert tmp_path.stat().st_mode & 0o1777 == 0o1777


def test_a_server_that_others_may_have_put_there_is_not_asked(tmp_path, serve):
    """While others may write to the folder, the listener may be theirs; afterwards it is used again."""
    folder = tmp_path / "data"
    store = Store(serve(str(folder)))
    assert store.now_ms()
    store.client.close()

    folder.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="Redis: ForeignSocket"):
        store.now_ms()
    assert not is_served(str(folder))
    folder.chmod(0o700)

    assert store.now_ms()
    store.client.close()


@needs_root
def test_nothing_is_sent_to_another_accounts_server(shared):
    """It listens in its folder, where ours would be."""
    theirs = shared / "data"
    theirs.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(socket_path(str(theirs))))
        server.listen()
        server.settimeout(5)
        socket_path(str(theirs)).chmod(0o777)
        os.chown(theirs, STRANGER, STRANGER)

        with acting_as(US), connect("embedded", str(theirs)) as client, pytest.raises(ForeignSocket):
            client.set("kept", "a person's data")

        came, _ = server.accept()
        with came:
            assert came.recv(1000) == b""


@needs_root
@pytest.mark.parametrize("squat", [Path.mkdir, lambda place: place.symlink_to(place.parent)])
def test_a_short_place_that_another_account_took_first_is_refused(shared, squat):
    """Where the path is too long the place is known beforehand, so that others may be there first."""
    data = shared / ("long" * 30)
    data.mkdir()
    os.chown(data, US, US)
    place = socket_path(str(data)).parent
    assert place == Path(f"/tmp/split-dest-{US}")  # noqa: S108 - where it really is
    squat(place)
    os.chown(place, STRANGER, STRANGER, follow_symlinks=False)
    try:
        for account in (US, 0):
            with acting_as(account), pytest.raises(NotPrivate, match=r"set redis\.data_dir|another account"):
                command(str(data))
            assert not is_trusted(str(data))
    finally:
        place.unlink() if place.is_symlink() else place.rmdir()


@needs_root
def test_root_reaches_the_server_of_the_account_that_owns_the_data(shared):
    """So that an operator can ask for the status of a service that has its own account."""
    data = shared / ("long" * 30)
    data.mkdir()
    os.chown(data, US, US)

    with acting_as(US):
        line = command(str(data))
    server = subprocess.Popen(line, user=US, group=US, extra_groups=[])
    client = connect("embedded", str(data))
    wait_for_redis(client)
    server.terminate()

    assert server.wait(10) == 0
    assert socket_path(str(data)).parent.stat().st_uid == US
    socket_path(str(data)).parent.rmdir()


def test_a_command_says_why_it_does_not_ask(tmp_path, settings, serve, typed):
    """One sentence names the socket and what helps."""
    data = tmp_path / "data"
    serve(str(data)).close()
    data.chmod(0o777)
    lines = settings.file.read_text().splitlines()
    redis_line = f"redis: {{url: embedded, data_dir: {data}}}"
    file = tmp_path / "embedded.yaml"
    file.write_text("\n".join(redis_line if line.startswith("redis:") else line for line in lines))

    result = typed("status", "--config", file, environ=settings.environ)

    assert (result.code, result.out) == (1, "")
    assert f"Redis at unix://{data}/redis.sock is not asked. Others may listen there" in result.err
