"""Split's names are asked of the account in the current settings, never of a former one."""

from collections.abc import Callable

import orjson
import pytest

from tests.support.sandbox import Sandbox
from tests.support.service import VARIABLES, Service

KEY = "${TEST_ADMIN_KEY}"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service that has delivered one identity, so that its names are in Redis, and whose workers are stopped."""
    service = make_service()
    service.start_web()
    worker = service.start_workers(1)
    identify(service, "before")
    service.wait_until(lambda: service.lane("identities").delivered == 1)
    service.stop(worker)
    return service


def identify(service: Service, user: str) -> None:
    """Post an identify call."""
    service.post({"type": "identify", "userId": user, "traits": {"plan": "gold"}})


def rest_of(service: Service) -> dict[str, str]:
    """Return what Redis holds about the pause of the identities lane."""
    fields = service.store.client.hgetall("sd:web:identities:rest")
    return {name.decode(): value.decode() for name, value in fields.items()}


def test_an_unknown_workspace_pauses_the_lane_as_a_wrong_key_does(service: Service, sandbox: Sandbox) -> None:
    """No identity goes to the former workspace, none is given up, and all arrive when the id is corrected."""
    service.change("workspace_id: ws-1", "workspace_id: ws-9")
    worker = service.start_workers(1)
    identify(service, "after")
    service.wait_until(lambda: service.lane("identities").resting_reason == "workspace_unknown")

    assert service.lane("identities").resting_detail == "workspace ws-9, GET /trafficTypes/ws/…: 404"
    assert service.lane("identities").pending == 1
    assert "since_ms" not in rest_of(service), "only Split's own failures count towards give_up_hours"
    lines = [orjson.loads(line) for line in service.log("worker").splitlines()]
    assert {line["level"] for line in lines if line["event"] == "lane_paused"} == {"error"}
    assert [each["key"] for each in sandbox.received("identities")] == ["before"]

    service.stop(worker)
    service.change("workspace_id: ws-9", "workspace_id: ws-1")
    service.start_workers(1)

    service.wait_until(lambda: service.lane("identities").delivered == 2, 60)
    assert [each["key"] for each in sandbox.received("identities")] == ["before", "after"]


def test_another_admin_key_is_asked_for_its_own_names(service: Service) -> None:
    """The names that the former key returned are not used, though the workspace is the same."""
    service.change(KEY, "${TEST_SDK_KEY}")
    service.start_workers(1)
    identify(service, "after")
    service.wait_until(lambda: service.lane("identities").resting_reason == "key_refused")

    assert service.lane("identities").resting_detail == "GET /trafficTypes/ws/…: 401"


def test_redis_holds_no_admin_key(service: Service) -> None:
    """Names are stored under a digest, and expire when they are no longer asked for."""
    (key,) = service.store.client.keys("sd:*:names")

    assert service.store.client.pttl(key) > 0
    stored = key + service.store.client.get(key)
    assert VARIABLES["TEST_ADMIN_KEY"].encode() not in stored
