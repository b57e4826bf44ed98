"""A real redis-server that has read config/acl/users.acl, and the service whose processes have a user each."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.support.redis_server import wait_for_redis
from tests.support.sandbox import Sandbox
from tests.support.service import SETTINGS, Service

ROOT = Path(__file__).parents[2]
USERS = ROOT / "config" / "acl" / "users.acl"
ROLES = ("web", "worker", "console")
ADMIN = "user admin on nopass ~* &* +@all\n"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A Redis with users: its socket, and a client that may do anything, for the test's own looks."""

    socket: Path
    admin: redis.Redis
    passwords: Mapping[str, str]

    def url(self, role: str) -> str:
        """Return the address with a role's password."""
        return f"unix://{role}:{self.passwords[role]}@{self.socket}"

    def client(self, role: str) -> redis.Redis:
        """Return a client with a role's rights."""
        return connect(self.url(role), "unused")

    def refusals(self) -> list[str]:
        """Return what was refused to whom since the last look, and forget it."""
        found = [f"{each['username']} {each['context']} {each['object']}" for each in self.admin.acl_log()]
        self.admin.acl_log_reset()
        return found


def with_passwords(folder: Path) -> dict[str, str]:
    """Make a file with passwords by the very lines of the operator's page; return the password of each role."""
    page = (ROOT / "docs" / "operations.md").read_text()
    script = page.partition("```sh\ncp config/acl")[2].partition("\ndone\n")[0]
    shell = f"cp config/acl{script}\ndone".replace("/etc/redis", str(folder))
    said = subprocess.run(["bash", "-ec", shell], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^(\w+): redis://\1:(\w+)@", said, re.MULTILINE))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """A Redis that lets in nobody but the users of the file, and the test's admin."""
    file, folder = tmp_path / "users.acl", tmp_path / "guarded"
    passwords = with_passwords(tmp_path)
    assert set(passwords) == set(ROLES)
    file.write_text(file.read_text() + ADMIN)
    command = [*embedded_redis.command(str(folder)), "--aclfile", str(file), "--appendfsync", "no"]
    with (tmp_path / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    admin = connect(f"unix://admin:any@{folder}/redis.sock", "unused")
    wait_for_redis(admin)
    yield Guarded(folder / "redis.sock", admin, passwords)
    admin.close()
    server.terminate()
    server.wait(10)


@pytest.fixture
def roles(tmp_path: Path, guarded: Guarded, sandbox: Sandbox) -> Iterator[Callable[[str], Service]]:
    """Provide the service with the rights of a role; the ledger is read with the console's."""
    made: list[Service] = []
    settings = SETTINGS.format(redis="${TEST_REDIS_URL}", sandbox=sandbox.url)

    def make(role: str) -> Service:
        store = Store(guarded.client("console"))
        made.append(Service(tmp_path, store, settings, TEST_REDIS_URL=guarded.url(role)))
        return made[-1]

    yield make
    for service in made:
        service.stop()
