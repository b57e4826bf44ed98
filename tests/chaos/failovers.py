"""A Redis behind Sentinel: its master is killed or frozen, or a replica is promoted while the master is well."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.ground import BATCH, Ground, ground
from tests.chaos.resuming import check_times, resumes
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.chaos.sentinels import Sentinels

_MESSAGES = 400
#: At most: a call of either lane, which was settled on a master that went before its replicas knew; without copies
#: what was settled in its last moment, or on a master that served on.
_DOUBLED, _DOUBLED_WITHOUT_COPIES = 2 * BATCH, 4 * BATCH
#: Breaks the master, and gives what the machine's init system does later.
Way = Callable[[Sentinels], Callable[[], None]]


def _kill(sentinels: Sentinels) -> Callable[[], None]:
    master = sentinels.master()
    master.kill()
    return master.start


def _freeze(sentinels: Sentinels) -> Callable[[], None]:
    master = sentinels.master()
    master.signal(signal.SIGSTOP)
    # A sentinel often stands on the same host.
    sentinels.signal_first(signal.SIGSTOP)

    def thaw() -> None:
        master.signal(signal.SIGCONT)
        sentinels.signal_first(signal.SIGCONT)

    return thaw


def _promote(sentinels: Sentinels) -> Callable[[], None]:
    sentinels.promote()
    return lambda: None


class _Run:
    """A service on three servers, whose master goes again and again."""

    def __init__(self, on: Ground, senders: Senders, sentinels: Sentinels) -> None:
        self._on = on
        self._senders = senders
        self._sentinels = sentinels
        self._resumed: list[float] = []
        #: When masters went, and when the service had resumed.
        self.windows: list[tuple[float, float]] = []

    def start(self, wait_replicas: int) -> None:
        service = self._on.service
        service.change('/0"}', f'/0", wait_replicas: {wait_replicas}}}')
        self._on.sandbox.faults({"api": "events", "delayMs": 50})
        service.start_web()
        service.start_workers()
        self._senders.urls.append(service.url)

    def lose_master(self, way: Way) -> None:
        senders = self._senders
        self._sentinels.wait_until_whole()
        before = len(senders.acknowledged)
        senders.release(_MESSAGES)
        self._on.service.wait_until(lambda: len(senders.acknowledged) > before + _MESSAGES // 4, 60)
        broken = time.monotonic()
        mend = way(self._sentinels)
        self._resumed.append(resumes(self._on, senders, broken))
        mend()
        # One that was thawed takes itself for the master until the sentinels tell it otherwise.
        self._sentinels.wait_until_whole()
        self.windows.append((broken - max(senders.took), time.monotonic()))

    def outcome(self, *, may_lose: bool, refused: bool) -> str:
        self._on.sandbox.faults()
        self._on.settle(self._senders)
        found = self._on.verdict(self._senders, forgot=may_lose)
        most = _DOUBLED_WITHOUT_COPIES if may_lose else _DOUBLED
        assert found.doubled <= most * len(self._resumed), found
        # What a master had not yet copied when it went was acknowledged around that time; nothing else is lost.
        known = self.windows if may_lose else []
        assert all(any(a <= self._senders.acknowledged[n] <= b for a, b in known) for n in found.lost), found
        return f"{found}; {check_times(self._senders, self._resumed, refused=refused)}"


def _failovers(folder: Path, wait_replicas: int, ways: list[Way]) -> str:
    sentinels = Sentinels(folder)
    with ground(folder, redis=sentinels) as on, Senders([], batch=20) as senders:
        run = _Run(on, senders, sentinels)
        run.start(wait_replicas)
        for way in ways:
            run.lose_master(way)
        # A promotion may be over before anybody posts.
        outcome = run.outcome(may_lose=not wait_replicas, refused=set(ways) != {_promote})
        return f"{len(ways)} times; {outcome}"


@scenario(
    "Sentinel with redis.wait_replicas 1 of 2: the master killed, or frozen with a sentinel and thawed later",
    "lost 0, doubled at most a call a lane; resumes within 30 s by itself; answers within 4 s",
)
def masters_lost(folder: Path, dose: Dose) -> str:
    """Whatever was acknowledged is on the replica that is promoted."""
    return _failovers(folder, 1, dose.of([_freeze], [_kill, _freeze] * 5))


@scenario(
    "Sentinel with redis.wait_replicas 2 of 2: a replica promoted while the master is well",
    "lost 0, doubled at most a call a lane; resumes within 30 s by itself; answers within 4 s",
)
def replicas_promoted(folder: Path, dose: Dose) -> str:
    """The old master serves on for a moment; with a copy on each replica it acknowledges nothing then."""
    return _failovers(folder, 2, dose.of([_promote], [_promote] * 10))


@scenario(
    "Sentinel without redis.wait_replicas: the master killed or frozen, a replica promoted",
    "lost only what Redis had not copied when its master went; resumes within 30 s by itself; answers within 4 s",
)
def masters_lost_without_copies(folder: Path, dose: Dose) -> str:
    """What is lost was acknowledged between the last copy and the promotion; all else arrives."""
    return _failovers(folder, 0, dose.of([_kill], [_kill, _freeze, _promote] * 4))
