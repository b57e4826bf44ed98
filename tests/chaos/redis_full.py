"""Redis is full, of other people's keys or by its own limit; or the disk of its append-only file is."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis

from split_dest.inbox.store import connect
from tests.chaos.ground import BATCH, Ground, ground, until
from tests.chaos.resuming import check_times, resumes
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.redis_server import RedisServer

_ROOM_BYTES = 8_000_000
_WAITING = 2400
_LODGER = "somebody-elses"


def _to_the_mark(client: redis.Redis) -> None:
    limit = client.info("memory")["used_memory"] + _ROOM_BYTES
    client.config_set("maxmemory", limit)
    while client.info("memory")["used_memory"] < limit * 0.85:
        client.append(_LODGER, b"x" * 50_000)


def _to_the_brim(client: redis.Redis) -> None:
    _to_the_mark(client)
    # More than there is room for: what is delivered meanwhile makes more.
    for _ in range(10_000):
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


def _start(on: Ground, senders: Senders) -> subprocess.Popen[bytes]:
    on.service.start_web()
    senders.urls.append(on.service.url)
    return on.service.start_workers()


class _Filled:
    """A service whose Redis is filled while messages wait, again and again."""

    def __init__(self, on: Ground, senders: Senders) -> None:
        self._on = on
        self._senders = senders
        self._workers = _start(on, senders)

    def fill(self, way: Callable[[redis.Redis], None], *, again: bool) -> float:
        """Fill it until all that waits is delivered; return how soon all resumes once there is room.

        *again*: by workers that begin in the full Redis; else by those at work, for longer than a turn.
        """
        on = self._on
        on.sandbox.faults({"api": "events", "delayMs": 600})
        self._senders.release(_WAITING)
        self._senders.wait_until_acknowledged()
        with connect(on.redis.url, "", timeout_seconds=20) as client:
            way(client)
            until(lambda: _is_full(on), 30, "the endpoint says that Redis is full")
            self._senders.release(100)
            if again:
                assert on.service.stop(self._workers) == [0]
                assert on.pending()
                on.sandbox.faults()
                self._workers = on.service.start_workers()
            on.service.wait_until(lambda: on.pending() == 0, 90)
            assert _is_full(on)
            assert on.service.http.request("GET", f"{on.service.url}/metrics").status == 200
            _make_room(client)
        on.sandbox.faults()
        return resumes(on, self._senders, time.monotonic())


@scenario(
    "Redis over 80 % of maxmemory, at 100 % of it by other keys, and maxmemory lowered to half of what is used",
    "web answers 503 from 80 % on; workers deliver all that waits; 200 again by itself; lost 0, doubled 0",
)
def memory_full(folder: Path, dose: Dose) -> str:
    """Messages wait when Redis is filled, and others come meanwhile; workers at work and new ones deliver them."""
    ways = [(_lowered, True), (_to_the_brim, False)]
    with ground(folder) as on, Senders([]) as senders:
        filled = _Filled(on, senders)
        more = [(way, again) for way in (_to_the_mark, _to_the_brim, _lowered) for again in (True, False)] * 5
        resumed = [filled.fill(way, again=again) for way, again in dose.of(ways, more)]
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert not found.doubled, found
    return f"{len(resumed)} times; {found}; {check_times(senders, resumed)}"


def _fill_disk(on: Ground, senders: Senders, server: RedisServer) -> None:
    """Let the append-only file grow no further, until a sender has been told to come later."""
    refused = senders.answers[503]
    server.fill_disk()
    senders.release(200)
    until(lambda: senders.answers[503] > refused, 30, "the endpoint answers 503")
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
