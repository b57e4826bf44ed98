"""What another version stored, or what was stored when Redis's clock was ahead, holds up no lane."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from split_dest.inbox import dead_letters
from split_dest.inbox.names import NameCache
from split_dest.outlets.split_admin import Account
from tests.end_to_end.test_impressions import ENDPOINT, SOURCE, impression
from tests.support.sandbox import ADMIN_KEY, Sandbox
from tests.support.service import Service, tracks, worker_pids

HOUR_MS = 3_600_000
NAMES = {
    "asked_ms": 0,
    "traffic_types": {"user": "tt-user"},
    "environments": {"Production": "env-production"},
    "flags": {"checkout_button": "account"},
    "absent": ["checkout_button"],
    "offset": 0,
}


@pytest.fixture
def service(make_service: Callable[..., Service], sandbox: Sandbox) -> Service:
    """A destination and a source; their workers are started by the test."""
    service = make_service(SOURCE.format(sandbox=sandbox.url))
    service.start_web()
    return service


def keep(service: Service, sandbox: Sandbox, text: bytes) -> None:
    """Put names into Redis as another version or another clock did."""
    account = Account(f"{sandbox.url}/internal/api/v2", ADMIN_KEY, "authorization", "ws-1")
    for owner in ("web", "flags"):
        service.store.client.set(NameCache(service.store, owner, account.digest)._key, text)


def deliver(service: Service) -> None:
    """Post what needs names, and have it delivered."""
    service.post({"type": "identify", "userId": "u", "traits": {"plan": "gold"}})
    service.post([impression(1)], ENDPOINT)
    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").delivered == 1)
    service.wait_until(lambda: service.lane("tracks", "flags").pending == 0)
    assert '"level":"error"' not in service.log("worker")


@pytest.mark.parametrize("text", [b"garbage", orjson.dumps([NAMES]), orjson.dumps(NAMES | {"flags": 7})])
def test_names_that_cant_be_read_are_asked_for(service: Service, sandbox: Sandbox, text: bytes) -> None:
    """Once for each owner, and delivery goes on."""
    keep(service, sandbox, text)

    deliver(service)

    assert service.lane("tracks", "flags").delivered == 1
    assert [each["key"] for each in sandbox.received("identities")] == ["u"]


def test_names_with_an_unknown_field_are_used(service: Service, sandbox: Sandbox) -> None:
    """As after going back to this version: nobody is asked, for they are fresh."""
    newer = {"flags": {"checkout_button": "user"}, "absent": [], "segments": ["of a newer version"]}
    keep(service, sandbox, orjson.dumps(NAMES | newer | {"asked_ms": service.store.now_ms()}))

    deliver(service)

    assert service.lane("tracks", "flags").delivered == 1
    assert "admin" not in sandbox.counts()["calls"]


def test_names_that_were_asked_for_ahead_of_the_clock_are_old(service: Service, sandbox: Sandbox) -> None:
    """Else stale ids would count until the clock has caught up, and a new flag would be missed for as long."""
    stale = {"asked_ms": service.store.now_ms() + HOUR_MS, "traffic_types": {"user": "tt-stale"}, "flags": {}}
    keep(service, sandbox, orjson.dumps(NAMES | stale))

    deliver(service)

    assert service.lane("tracks", "flags").delivered == 1
    assert [each["key"] for each in sandbox.received("identities")] == ["u"]


@pytest.mark.parametrize("text", ["not json", "{}"])
def test_a_text_that_is_no_message_holds_up_no_other(service: Service, sandbox: Sandbox, text: str) -> None:
    """Within seconds it is found among the others, like all that breaks the mapping, and becomes a dead letter."""
    service.post(tracks(20))
    service.store.client.xadd("sd:web:events:stream", {"m": text, "t": service.store.now_ms()})
    service.post(tracks(20, 20))

    service.start_workers(1)
    service.wait_until(lambda: service.lane().delivered == 40 and service.lane().pending == 0, 40)

    (letter,) = dead_letters.browse(service.store, "web")
    assert (letter.reason, letter.text) == ("crashed_worker", text.encode())
    assert len(sandbox.received("events")) == 40


def test_settings_that_cant_be_read_stop_no_supervisor(service: Service) -> None:
    """It wakes what waits, and status and check show what there is."""
    client, now_ms = service.store.client, service.store.now_ms()
    texts = ['[{"name":"web"}]', "not json", "5", '{"web":{}}', b"\xff", "[" * 2000, ""]
    for number, text in enumerate(texts):
        client.hset("sd:settings", str(number), text)
        client.zadd("sd:settings:seen", {str(number): now_ms + 3_000})
    client.hset("sd:owners", b"\xff", 1)

    watches(service)


@pytest.mark.parametrize("text", ["x" * 65, b"\xff" * 30, ""], ids=["long", "no text", "empty"])
def test_a_deployments_id_that_is_none_stops_no_supervisor(service: Service, text: bytes | str) -> None:
    """It keys the digests as it is, for all alike."""
    service.store.client.set("sd:deployment", text)

    watches(service)


def watches(service: Service) -> None:
    """Check that a message is delivered of which no job knows, so that only the watch can find it."""
    service.post(tracks(1))
    service.store.client.delete("sd:rq:queue:drains", "sd:web:events:drain:0")
    process = service.start_workers(1)
    service.wait_until(lambda: service.lane().delivered == 1)

    assert "workers alive: 1" in service.command("status")
    assert orjson.loads(service.command("status", "--json"))["workers"] == 1
    assert "good" in service.command("check", "--live")
    assert service.stop(process) == [0]
    assert "internal_error" not in service.log("worker")


def test_a_supervisor_that_cant_go_on_ends_and_says_so(service: Service) -> None:
    """It can open one more file, so it can start no worker: the others end, and the exit code is 1."""
    process = service.start_workers(2)
    one, other = worker_pids(process.pid)

    opened = {int(each.name) for each in Path(f"/proc/{process.pid}/fd").iterdir()}
    one_more = next(number for number in range(1024) if number not in opened) + 1
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (one_more, one_more))
    os.kill(one, signal.SIGKILL)

    assert process.wait(30) == 1
    assert not Path(f"/proc/{other}").exists()
    (line,) = (line for line in service.log("worker").splitlines() if "internal_error" in line)
    assert orjson.loads(line)["level"] == "error"
    service.processes.remove(process)
