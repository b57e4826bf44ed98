"""Accept, dedupe and the ways to Redis."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.names import NameCache, Names
from split_dest.inbox.store import Store, connect
from split_dest.mapping.acceptance import Item
from tests.support.steps import accept, balance


def test_ids_are_claimed_once_by_parallel_senders(store: Store) -> None:
    """The same thousand messages from five senders at once are stored once each."""
    ids = [f"m-{n}" for n in range(1000)]

    with ThreadPoolExecutor(5) as pool:
        receipts = list(pool.map(lambda turn: accept(store, *ids[turn * 100 :], *ids[: turn * 100]), range(5)))

    assert sum(receipt.accepted for receipt in receipts) == 1000
    assert sum(receipt.duplicates for receipt in receipts) == 4000
    assert balance(store) == 0


def test_the_window_ends(store: Store) -> None:
    """After the window the same id counts as new, and its claims are gone from Redis."""
    item = [Item(("events",), "a", b"{}")]
    hours = 0.4 / 3600
    receipts = [intake.accept(store, item, AcceptOptions("web", hours)).accepted for _ in range(2)]

    time.sleep(0.8)

    receipts.append(intake.accept(store, item, AcceptOptions("web", hours)).accepted)
    assert receipts == [1, 0, 1]
    store.client.delete("sd:web:events:stream")
    time.sleep(0.8)
    assert list(store.client.scan_iter("sd:web:seen:*")) == []


def test_a_redis_that_is_away_is_told_without_a_message(tmp_path: Any) -> None:
    """The error names Redis's trouble and nothing that was to be stored."""
    away = Store(connect("embedded", str(tmp_path)))

    with pytest.raises(StoreUnavailable) as raised:
        accept(away, "a-private-id")

    assert raised.value.code == "store_unavailable"
    assert "a-private-id" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "kind", "wanted"),
    [
        ("redis://h:7000/3", redis.Connection, {"host": "h", "port": 7000, "db": 3}),
        ("rediss://:pw@h", redis.SSLConnection, {"host": "h", "password": "pw"}),
        ("unix:///run/r.sock", redis.UnixDomainSocketConnection, {"path": "/run/r.sock"}),
    ],
)
def test_each_kind_of_address_is_understood(url: str, kind: type, wanted: dict[str, object]) -> None:
    """Managed Redis, TLS, Unix sockets: the client goes where the address says, and never waits long."""
    pool = connect(url, "unused").connection_pool

    assert pool.connection_class is kind
    assert wanted.items() <= pool.connection_kwargs.items()
    assert pool.connection_kwargs["socket_timeout"] == 2.0


def test_sentinel_addresses_name_hosts_service_and_database() -> None:
    """redis+sentinel://… leads to the master that the sentinels name."""
    client = connect("redis+sentinel://:pw@one:26379,two:26380/main/2", "unused")

    assert client.connection_pool.service_name == "main"
    assert client.connection_pool.connection_kwargs["db"] == 2
    hosts = [
        each.connection_pool.connection_kwargs["host"]
        for each in client.connection_pool.sentinel_manager.sentinels
    ]
    assert hosts == ["one", "two"]


def test_a_long_data_directory_still_has_a_socket() -> None:
    """Unix sockets have short paths; a deep directory gets one elsewhere, always the same."""
    deep = "/srv/" + "deep/" * 40

    assert len(str(socket_path(deep))) < 100
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(deep + "er")


def test_names_are_kept_for_all_workers(store: Store) -> None:
    """What one worker asked of Split, the others read."""
    names = Names(5, {"user": "tt-1"}, {"Production": "env-1"})
    assert NameCache(store, "web", "account").load() is None

    NameCache(store, "web", "account").save(names)

    assert NameCache(store, "web", "account").load() == names
    assert NameCache(store, "web", "another").load() is None


def test_many_items_are_stored_in_steps(store: Store) -> None:
    """Thousands of items in one call keep Redis no busier than a thousand do, and give one receipt."""
    ids = [f"m-{n}" for n in range(2500)]

    receipt = accept(store, *ids, *ids[:10])

    assert (receipt.accepted, receipt.duplicates) == (2500, 10)
    assert accept(store) == intake.Receipt(0, 0, 0)


def test_silent_sentinels_are_told_at_once() -> None:
    """With no sentinel to be reached, a command fails within the time that a sender has."""
    client = connect("redis+sentinel://127.0.0.1:1,127.0.0.1:2/main", "unused", timeout_seconds=0.8)
    started = time.monotonic()

    with pytest.raises(StoreUnavailable):
        accept(Store(client), "a")

    assert time.monotonic() - started < 2
