"""Two versions on one Redis: what one has stored the other drains, and the other way round.

``tests/data/version-before.tar.xz`` is the code of the version before, which runs in separate processes; made by
``git archive --format=tar COMMIT split_dest workers ':!split_dest/sandbox' | xz -9e``.
"""

import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from split_dest.inbox import ledger
from split_dest.inbox.ledger import LaneNumbers
from tests.end_to_end.test_impressions import ENDPOINT, SOURCE, impression
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks

ROOT = Path(__file__).parents[2]
FILE_LINES = 60
KEEPS = "    write_keys: [wk-test]\n"
IDENTIFY = {"type": "identify", "traits": {"plan": "gold"}}


class Version(NamedTuple):
    """A version of the product: the command and the variables within which its processes run its code."""

    within: Sequence[str]
    variables: dict[str, str]

    @classmethod
    def at(cls, folder: Path) -> "Version":
        """Return the version whose packages are in a folder. Its code is not what coverage is measured of."""
        unmeasured = [] if folder == ROOT else ["-u", "COVERAGE_PROCESS_CONFIG", "-u", "COVERAGE_PROCESS_START"]
        return cls(["env", *unmeasured, "-C", str(folder)], {"PYTHONPATH": str(folder)})

    def start(self, service: Service, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command of this version."""
        command = [*self.within, sys.executable, "-m", "split_dest", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=service.environ | self.variables, **pipes)

    def ran(self, service: Service, *arguments: object) -> tuple[int, str, str]:
        """Return how a command of this version ended: its exit code and what it wrote."""
        process = self.start(service, *arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    def json(self, service: Service, *arguments: object) -> list[Any]:
        """Return the JSON lines of a command of this version that ends well."""
        code, out, err = self.ran(service, *arguments)
        assert code == 0, err + out
        return [orjson.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """The version before."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(ROOT / "tests" / "data" / "version-before.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return Version.at(folder)


@pytest.fixture(params=["the version before writes", "this version writes"])
def versions(request: pytest.FixtureRequest, before: Version) -> tuple[Version, Version]:
    """The version that stores, and the one that goes on with it."""
    pair = before, Version.at(ROOT)
    return pair if request.param == "the version before writes" else pair[::-1]


@pytest.fixture
def service(make_service: Callable[..., Service], sandbox: Sandbox) -> Service:
    """A destination with every lane, and a source; nothing is started."""
    made = make_service(KEEPS + SOURCE.format(sandbox=sandbox.url))
    made.file.with_name("file.jsonl").write_bytes(
        b"".join(orjson.dumps(each) + b"\n" for each in tracks(FILE_LINES, 1000))
    )
    return made


def post_all(service: Service) -> None:
    """Post to each endpoint: messages for every lane, one that becomes a dead letter, and a refused request."""
    service.post(tracks(20))
    service.post([IDENTIFY | {"userId": f"i-{n}", "messageId": f"i-{n}"} for n in range(5)])
    service.post(b'[{"type": "track", oops}, ' + orjson.dumps(tracks(1, 20)[0]) + b"]")
    service.post({"writeKey": "wk-test", "batch": tracks(3, 30)}, "/v1/batch")
    service.post([impression(n) for n in range(5)], ENDPOINT)
    service.post(tracks(1), Authorization="wrong")


def import_a_part(service: Service, version: Version) -> int:
    """Stop an import of the file in the middle; return after which line."""
    received = service.lane().received
    process = version.start(service, "import", service.folder / "file.jsonl", "--destination", "web", "--rate", 20)
    service.wait_until(lambda: service.lane().received > received)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    return int(orjson.loads(out.splitlines()[-1])["line"])


def leave_behind(service: Service, sandbox: Sandbox, version: Version) -> int:
    """Store some of everything, of which a worker that is killed has claimed a part; return the lines imported."""
    service.start_web(within=version.within, **version.variables)
    sandbox.faults({"api": "events", "status": 400, "times": 1}, {"api": "admin", "status": 503, "times": 2})
    worker = service.start_workers(1, within=version.within, **version.variables)
    service.post(tracks(1, 99))
    service.wait_until(lambda: service.lane().dead == 1)
    sandbox.faults({"api": "events", "delayMs": 5000})
    post_all(service)
    service.wait_until(lambda: service.lane().in_flight >= 20)
    service.wait_until(lambda: service.lane("tracks", "flags").delivered == 5)
    service.kill(worker)
    service.post(tracks(20, 100))
    return import_a_part(service, version)


def drain(service: Service, version: Version) -> None:
    """Deliver all that waits, and take the same messages once more."""
    service.start_web(within=version.within, **version.variables)
    service.start_workers(1, within=version.within, **version.variables)
    service.wait_until(lambda: not any(lane.pending for lane in lanes(service)), 60)
    post_all(service)
    service.wait_until(lambda: ledger.read(service.store, ["web"]).refused["web", "unauthorized"].requests == 2)


def lanes(service: Service) -> list[LaneNumbers]:
    """Return the numbers of all lanes."""
    return list(ledger.read(service.store, ["web"], ["flags"]).lanes.values())


def test_one_version_goes_on_where_another_stopped(
    service: Service, sandbox: Sandbox, versions: tuple[Version, Version]
) -> None:
    """All lanes are drained, what came before is a duplicate, letters are replayed, and no number is lost."""
    first, second = versions
    imported = leave_behind(service, sandbox, first)
    service.stop()
    sandbox.faults()
    (service.folder / "worker.log").write_text("")

    drain(service, second)

    (status,) = second.json(service, "status", "--json")
    assert status["refused"]["web"]["unauthorized"]["requests"] == 2
    letters = second.json(service, "dead", "list", "--json")
    assert [letter["reason"] for letter in letters] == ["record_refused", "not_json"]
    assert second.ran(service, "dead", "replay", "--all", "--yes")[1].startswith("1 replayed")
    service.wait_until(lambda: service.lane().pending == 0)
    numbers = [*range(21), *range(30, 33), 99, *range(100, 120), *range(1000, 1000 + imported)]
    assert {event["key"] for event in sandbox.received("events")} == {f"u-{n}" for n in numbers}
    assert {each["key"] for each in sandbox.received("identities")} == {f"i-{n}" for n in range(5)}
    assert len(sandbox.received("tracks")) == 5
    assert service.lane().duplicate == 20 + 2 + 3
    for n in lanes(service):
        assert n.received == n.delivered + n.filtered_total + n.duplicate + n.pending + n.dead
    assert not [line for line in service.log("worker").splitlines() if '"level":"error"' in line]


def test_an_import_that_the_version_before_began_does_not_begin_again_in_silence(
    service: Service, before: Version
) -> None:
    """It is refused with a sentence that says what to do; after that the whole file is imported."""
    assert 0 < import_a_part(service, before) < FILE_LINES
    command = "import", service.folder / "file.jsonl", "--destination", "web"

    code, _, err = Version.at(ROOT).ran(service, *command)

    (field,) = service.store.client.hkeys("sd:web:imports")
    assert code == 1
    assert err.splitlines()[-1].startswith("An earlier version of split-dest has not finished the import of this")
    assert f"HDEL sd:web:imports {field.decode()} in Redis" in err
    service.store.client.hdel("sd:web:imports", field)
    assert Version.at(ROOT).ran(service, *command)[0] == 0
    assert service.lane().pending == FILE_LINES
