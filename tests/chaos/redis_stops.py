"""Redis is killed or frozen, and comes back; or it comes back empty."""

import random
import signal
import time
from pathlib import Path

from split_dest.inbox.store import connect
from tests.chaos.ground import BATCH, Ground, ground
from tests.chaos.resuming import check_times, resumes
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.redis_server import RedisServer

#: Two workers have a batch under way each.
_DOUBLED = 2 * BATCH


def _kill(redis: RedisServer, seconds: float) -> None:
    redis.kill()
    time.sleep(seconds)
    redis.start()


def _freeze(redis: RedisServer, seconds: float) -> None:
    redis.signal(signal.SIGSTOP)
    time.sleep(seconds)
    redis.signal(signal.SIGCONT)


def _freeze_and_kill(redis: RedisServer, seconds: float) -> None:
    redis.signal(signal.SIGSTOP)
    time.sleep(seconds)
    _kill(redis, 0)


def _flush(redis: RedisServer, _: float) -> None:
    with connect(redis.url, "", timeout_seconds=20) as client:
        client.flushall()
        client.script_flush()


def _come_back_empty(redis: RedisServer, seconds: float) -> None:
    redis.kill()
    redis.forget()
    time.sleep(seconds)
    redis.start()


def _start(on: Ground, senders: Senders) -> None:
    on.sandbox.faults({"api": "events", "delayMs": 100})
    on.service.start_web()
    senders.urls.append(on.service.url)
    on.service.start_workers()


def _work(on: Ground, senders: Senders, messages: int) -> None:
    """Let messages come until a call to Split is under way, while some are not yet acknowledged."""
    before = len(senders.acknowledged)
    senders.release(messages)
    on.service.wait_until(lambda: on.lanes()["events"].in_flight > 0, 60)
    on.service.wait_until(lambda: len(senders.acknowledged) > before + messages // 4, 60)


def _away_seconds(dose: Dose, chance: random.Random) -> float:
    return dose.of(chance.uniform(0.5, 2), chance.choice([chance.uniform(0, 5), chance.uniform(5, 60)]))


@scenario(
    "SIGKILL and SIGSTOP of Redis, append-only file `always`, and a restart or a thaw after a while",
    "lost 0; resumes within 30 s by itself; 503 and Retry-After meanwhile, within 4 s, and never a 4xx",
)
def redis_stops(folder: Path, dose: Dose) -> str:
    """Each stop comes while messages are posted and calls to Split are under way."""
    chance, resumed = dose.chance(), []
    times, messages = dose.of((3, 400), (20, 1000))
    with ground(folder) as on, Senders([], batch=20) as senders:
        _start(on, senders)
        for number in range(times):
            _work(on, senders, messages)
            (_kill, _freeze, _freeze_and_kill)[number % 3](on.redis, _away_seconds(dose, chance))
            resumed.append(resumes(on, senders, time.monotonic()))
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= times * _DOUBLED
    return f"{times} stops; {found}; {check_times(senders, resumed)}"


@scenario(
    "Redis emptied under load (FLUSHALL, SCRIPT FLUSH), and restarted without its file",
    "lost only what was acknowledged before; groups and scripts are made again; resumes within 30 s by itself",
)
def redis_emptied(folder: Path, dose: Dose) -> str:
    """What came before an emptying went with it; all that comes later is delivered."""
    chance, resumed, emptied = dose.chance(), [], 0.0
    times, messages = dose.of((2, 400), (20, 1000))
    with ground(folder) as on, Senders([], batch=20) as senders:
        _start(on, senders)
        for number in range(times):
            _work(on, senders, messages)
            (_flush, _come_back_empty)[number % 2](on.redis, _away_seconds(dose, chance))
            emptied = time.monotonic()
            resumed.append(resumes(on, senders, emptied))
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders, forgot=True)
    # A request that was stored before and answered after is one of those that went as well.
    assert [n for n in found.lost if senders.acknowledged[n] >= emptied + max(senders.took)] == []
    assert found.doubled <= times * (_DOUBLED + len(senders.urls) * 4 * 20)
    return f"{times} times; {found}; {check_times(senders, resumed)}"
