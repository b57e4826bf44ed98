"""Redis is full, of other people's keys or by its own limit; or the disk of its append-only file is."""

import time
from collections.abc import Callable
from pathlib import Path

import redis

from split_dest.inbox.store import connect
from tests.chaos.ground import BATCH, Ground, ground, until
from tests.chaos.redis_server import RedisServer
from tests.chaos.resuming import check_times, resumes
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders

_ROOM_BYTES = 8_000_000
_LODGER = "somebody-elses"


def _to_the_mark(client: redis.Redis) -> None:
    limit = client.info("memory")["used_memory"] + _ROOM_BYTES
    client.config_set("maxmemory", limit)
    while client.info("memory")["used_memory"] < limit * 0.85:
        client.append(_LODGER, b"x" * 50_000)


def _to_the_brim(client: redis.Redis) -> None:
    _to_the_mark(client)
    for _ in range(_ROOM_BYTES // 10_000):
        try:
            client.rpush(_LODGER + ":list", b"x" * 10_000)
        except redis.OutOfMemoryError:
            return
    raise AssertionError("the brim was not reached")


def _lowered(client: redis.Redis) -> None:
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)


def _make_room(client: redis.Redis) -> None:
    client.delete(_LODGER, _LODGER + ":list")
    client.config_set("maxmemory", 0)


def _is_full(on: Ground) -> bool:
    answer = on.service.http.request("GET", f"{on.service.url}/readyz")
    return (answer.status, answer.json().get("code")) == (503, "store_full")


def _start(on: Ground, senders: Senders) -> None:
    on.service.start_web()
    senders.urls.append(on.service.url)
    on.service.start_workers()


def _fill(on: Ground, senders: Senders, messages: int, way: Callable[[redis.Redis], None]) -> float:
    """Fills Redis while messages wait, until they are delivered and it has room again; how soon all resumes."""
    on.sandbox.faults({"api": "events", "delayMs": 300})
    senders.release(messages)
    senders.wait_until_acknowledged()
    with connect(on.redis.url, "", timeout_seconds=20) as client:
        way(client)
        until(lambda: _is_full(on), 30, "the door says that Redis is full")
        assert on.pending()
        senders.release(100)
        on.sandbox.faults()
        on.service.wait_until(lambda: on.pending() == 0, 90)
        assert _is_full(on)
        assert on.service.http.request("GET", f"{on.service.url}/metrics").status == 200
        _make_room(client)
    return resumes(on, senders, time.monotonic())


@scenario(
    "Redis over 80 % of maxmemory, at 100 % of it by other keys, and maxmemory lowered to half of what is used",
    "the door answers 503 from 80 % on; workers deliver all that waits; 200 again by itself; lost 0, doubled 0",
)
def memory_full(folder: Path, dose: Dose) -> str:
    """Messages wait when Redis is filled, and others come meanwhile."""
    ways = dose.of([_to_the_brim, _lowered], [_to_the_mark, _to_the_brim, _lowered] * 10)
    with ground(folder) as on, Senders([]) as senders:
        _start(on, senders)
        resumed = [_fill(on, senders, dose.of(600, 3000), way) for way in ways]
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert not found.doubled
    return f"{len(ways)} times; {found}; {check_times(senders, resumed)}"


def _fill_disk(on: Ground, senders: Senders, server: RedisServer) -> None:
    """Lets the append-only file grow no further, until a sender has been told to come later."""
    refused = senders.answers[503]
    server.fill_disk()
    senders.release(200)
    until(lambda: senders.answers[503] > refused, 30, "the door answers 503")
    assert on.service.http.request("GET", f"{on.service.url}/readyz").status == 503


def _disk_full(folder: Path, times: int, fsync: str, mend: Callable[[RedisServer], None]) -> str:
    resumed = []
    with ground(folder, redis_options=("--appendfsync", fsync)) as on, Senders([]) as senders:
        _start(on, senders)
        for _ in range(times):
            senders.release(200)
            on.settle(senders)
            _fill_disk(on, senders, on.redis)
            mend(on.redis)
            resumed.append(resumes(on, senders, time.monotonic()))
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= 2 * BATCH * times
    return f"{times} times; {found}; {check_times(senders, resumed)}"


def _room_comes(server: RedisServer) -> None:
    time.sleep(2)
    assert not server.ended
    server.make_room()


def _is_started_in_vain(server: RedisServer) -> None:
    for _ in range(2):
        until(lambda: server.ended, 30, "Redis ends")
        server.start()
        server.fill_disk()
    until(lambda: server.ended, 30, "Redis ends")
    server.start()


@scenario(
    "the disk of the append-only file full, fsync `everysec`: Redis answers MISCONF until there is room",
    "503; recovers by itself within 30 s; lost 0",
)
def disk_full(folder: Path, dose: Dose) -> str:
    """The file's largest size stands for the disk's."""
    return _disk_full(folder, dose.of(1, 20), "everysec", _room_comes)


@scenario(
    "the disk of the append-only file full, fsync `always`: Redis ends, again after each start",
    "503; recovers by itself within 30 s; lost 0",
)
def disk_full_always(folder: Path, dose: Dose) -> str:
    """The file's largest size stands for the disk's."""
    return _disk_full(folder, dose.of(1, 20), "always", _is_started_in_vain)
