"""Split's ids change when a traffic type or environment is made again; what is cached of them is then outdated."""

from collections.abc import Callable

import orjson
import pytest

from tests.end_to_end.test_delete import delete, identify
from tests.support.sandbox import Sandbox
from tests.support.service import Service

#: Younger and older than names may be when a 404 is believed, in ms.
FRESH, OLD = 5_000, 61_000


@pytest.fixture
def service(make_service: Callable[..., Service], request: pytest.FixtureRequest) -> Service:
    """A service that removes identities and whose names are in Redis; its workers are stopped."""
    service = make_service(f"    delete: {{enabled: true}}\n{getattr(request, 'param', '')}")
    service.start_web()
    worker = service.start_workers(1)
    service.post([identify(n, f"first-{n}") for n in range(3)])
    service.wait_until(lambda: service.lane("identities").delivered == 3)
    service.stop(worker)
    return service


def plant(service: Service, age_ms: int, **outdated: dict[str, str]) -> None:
    """Let what Redis holds of Split's names be this old, with other ids."""
    (key,) = service.store.client.keys("sd:web:*:names")
    names = orjson.loads(service.store.client.get(key))
    names |= {"asked_ms": service.store.now_ms() - age_ms, **outdated}
    service.store.client.set(key, orjson.dumps(names))


OUTDATED = {
    "traffic type": {"traffic_types": {"user": "tt-of-yesterday"}},
    "environment": {"environments": {"Production": "env-of-yesterday"}},
}


@pytest.mark.parametrize("outdated", OUTDATED.values(), ids=OUTDATED)
def test_a_deletion_by_outdated_ids_is_made_again(
    service: Service, sandbox: Sandbox, outdated: dict[str, dict[str, str]]
) -> None:
    """A 404 for them is no proof that the identity is gone."""
    plant(service, OLD, **outdated)
    service.post([delete(0), delete(1), identify(2, "again")])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").delivered == 6)

    last = {one["key"]: one["method"] for one in sandbox.received("identities")}
    assert last == {"u-0": "DELETE", "u-1": "DELETE", "u-2": "PATCH"}
    assert service.lane("identities").refusals == 0


@pytest.mark.parametrize("service", ["    identify: {mode: replace}\n"], indirect=True)
@pytest.mark.parametrize("outdated", OUTDATED.values(), ids=OUTDATED)
def test_identities_in_bulk_are_written_again(
    service: Service, sandbox: Sandbox, outdated: dict[str, dict[str, str]]
) -> None:
    """Without a pause of the lane."""
    plant(service, OLD, **outdated)
    service.post([identify(n, f"again-{n}") for n in range(3)])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").delivered == 6)

    assert [one["values"] for one in sandbox.received("identities")[-3:]] == [
        {f"again-{n}": "yes"} for n in range(3)
    ]
    assert "lane_paused" not in service.log("worker")


def test_an_identity_that_split_lacks_counts_as_removed(service: Service, sandbox: Sandbox) -> None:
    """By ids of the last minute, Split is not asked once more; by older ones it is, once for all."""
    before = sandbox.counts()["calls"]["admin"]["200"]
    plant(service, FRESH)
    service.post([delete(7)])
    worker = service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").delivered == 4)
    service.stop(worker)
    assert sandbox.counts()["calls"]["admin"]["200"] == before

    plant(service, OLD)
    service.post([delete(n) for n in range(7, 20)])
    service.start_workers(1)
    # The thirteen have ids of their own, but the first of them came before.
    service.wait_until(lambda: service.lane("identities").delivered == 16)

    assert sandbox.counts()["calls"]["admin"]["200"] == before + 2


def test_outdated_ids_of_the_last_minute_pause_the_lane(service: Service, sandbox: Sandbox) -> None:
    """Names are asked for once a minute at most; until then an identity waits, and none is lost."""
    plant(service, FRESH, **OUTDATED["environment"])
    service.post([identify(0, "again")])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").refusals > 0)

    assert service.lane("identities").resting_reason == "upstream_error"
    assert service.lane("identities").resting_words
    assert service.lane("identities").pending == 1


def test_a_traffic_type_that_is_gone_is_a_dead_letter(service: Service, sandbox: Sandbox) -> None:
    """As if Split had never had it."""
    plant(service, OLD, traffic_types={"user": "tt-of-yesterday", "ghost": "tt-of-a-ghost"})
    service.change("    delete:", "    map_identities: {userId: ghost}\n    delete:")
    service.post([identify(0, "again"), delete(1)])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").dead == 2)


@pytest.mark.parametrize("status", [503, 401])
def test_while_split_names_no_ids_a_404_is_not_believed(service: Service, sandbox: Sandbox, status: int) -> None:
    """The lane waits for the names, and nothing counts as removed."""
    plant(service, OLD, **OUTDATED["traffic type"])
    sandbox.faults({"api": "admin", "status": status})
    service.post([delete(0), delete(1)])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").refusals > 0)

    assert service.lane("identities").delivered == 3
    assert service.lane("identities").pending == 2
