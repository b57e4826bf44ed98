"""Requests of several threads share steps, and each gets its own receipt."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from split_dest.errors import StoreUnavailable
from split_dest.inbox.gathering import Gathering
from split_dest.inbox.intake import Terms
from split_dest.inbox.store import Store, connect
from split_dest.mapping.acceptance import Item
from tests.inbox.steps import balance, numbers

_TERMS = Terms("web", 24)


def items(*ids: str, reason: str = "") -> list[Item]:
    """Gives an item for each id."""
    return [Item(("events",), each, b"{}", reason) for each in ids]


def test_each_request_gets_the_receipt_of_its_own_messages(store: Store) -> None:
    """However many share a step: new, seen before, and bad messages are told apart."""
    gathering, requests = Gathering(store), 200
    store.client.config_resetstat()

    with ThreadPoolExecutor(8) as pool:
        good = pool.map(lambda n: gathering.accept(items(f"a-{n}", "shared", f"b-{n}"), _TERMS), range(requests))
        bad = pool.map(lambda n: gathering.accept(items(f"c-{n}", reason="not_json"), _TERMS), range(requests))
        told = [(r.accepted, r.duplicates, r.set_aside) for r in good], [r.set_aside for r in bad]

    assert sorted(told[0]) == [(2, 1, 0)] * (requests - 1) + [(3, 0, 0)]
    assert told[1] == [1] * requests
    assert (numbers(store).received, balance(store)) == (4 * requests, 0)
    assert store.client.info("commandstats")["cmdstat_evalsha"]["calls"] < 2 * requests


def test_one_request_of_a_step_is_told_which_lanes_sleep(store: Store) -> None:
    """Whoever is told wakes them for all; while a drain is awake nobody is told."""
    first = Gathering(store).accept(items("a"), _TERMS)
    store.client.set("sd:web:events:drain:0", "somebody", px=5000)
    second = Gathering(store).accept(items("b"), _TERMS)

    assert (first.asleep, second.asleep) == ({"events"}, set())


def test_nobody_is_told_that_it_is_stored_when_it_is_not(tmp_path: Path) -> None:
    """While Redis is away, every request that shares a step is told to come again."""
    gathering = Gathering(Store(connect("embedded", str(tmp_path))))

    def code(number: int) -> str:
        with pytest.raises(StoreUnavailable) as told:
            gathering.accept(items(f"m-{number}"), _TERMS)
        return told.value.code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(code, range(50)))

    assert codes == ["store_unavailable"] * 50


def test_a_fault_in_a_step_spoils_no_later_one(store: Store) -> None:
    """What nobody expected is raised where it happened, and the next request is stored."""
    gathering = Gathering(store)

    with pytest.raises(TypeError):
        gathering.accept([Item(None, "a", b"{}")], _TERMS)  # type: ignore[arg-type]

    assert gathering.accept(items("b"), _TERMS).accepted == 1
