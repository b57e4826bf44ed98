"""Processes of the service are killed at random while messages come."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from split_dest.inbox.lanes import SLOTS
from tests.chaos import doubles
from tests.chaos.ground import BATCH, Ground, ground
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.service import worker_pids

_MOVING_SECONDS = 60.0
#: How long the stand-in takes for a call.
_CALL_MS = 100
_SLOW_MS = 3_000


class Victims:
    """The processes at work, what may be done to them, and what an init system does then."""

    def __init__(self, on: Ground, chance: random.Random) -> None:
        self._on = on
        self._chance = chance
        self._web = on.service.start_web()
        self._port = int(on.service.url.rpartition(":")[2])
        self._workers = on.service.start_workers()
        #: When worker processes were killed, in milliseconds.
        self.deaths_ms: list[int] = []
        self._ways: list[Callable[[], None]] = [
            self._one_web_process,
            self._one_worker_process,
            self._one_worker_process,
            self._whole_web,
            self._supervisor,
            self.whole_workers,
        ]

    def strike(self) -> None:
        """Kill one of them, or a whole group, by chance."""
        self._chance.choice(self._ways)()

    def _one_web_process(self) -> None:
        self._kill_one(_children(self._web))

    def _one_worker_process(self) -> None:
        self._note_death()
        self._kill_one(worker_pids(self._workers.pid))

    def _kill_one(self, pids: list[int]) -> None:
        if pids:
            os.kill(self._chance.choice(pids), signal.SIGKILL)

    def _whole_web(self) -> None:
        self._on.service.kill(self._web)
        self._web = self._on.service.start_web(self._port)

    def _supervisor(self) -> None:
        """Its worker processes see that they are alone, and end."""
        self._note_death()
        self._workers.kill()
        self._workers.wait(10)
        self._on.service.processes.remove(self._workers)
        self._workers = self._on.service.start_workers()

    def whole_workers(self) -> None:
        """Kill all worker processes with their supervisor, and start them again."""
        self._note_death()
        self._on.service.kill(self._workers)
        self._workers = self._on.service.start_workers()

    def _note_death(self) -> None:
        self.deaths_ms.append(time.time_ns() // 1_000_000)


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in listed.split()]


@scenario(
    "SIGKILL of a web process, a worker process, its supervisor, all of either, at random",
    "lost 0; doubled at most a batch for each worker killed; the backlog moves again within 60 s of each",
)
def kills(folder: Path, dose: Dose) -> str:
    """Each kill comes while messages are posted and calls to Split are under way."""
    times, messages = dose.of((12, 3_000), (500, 100_000))
    chance, slowest = dose.chance(), 0.0
    with ground(folder) as on, Senders([], seed=dose.seed) as senders:
        on.sandbox.faults({"api": "events", "delayMs": _CALL_MS})
        victims = Victims(on, chance)
        senders.urls.append(on.service.url)
        for _ in range(times):
            senders.release(messages // times)
            on.service.wait_until(lambda: on.lanes()["events"].in_flight > 0, 60)
            before, struck = on.settled(), time.monotonic()
            victims.strike()
            on.moves_within(_MOVING_SECONDS, before)
            slowest = max(slowest, time.monotonic() - struck)
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders)
        worst = doubles.most(on.sandbox, "events", victims.deaths_ms, _CALL_MS)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= times * BATCH
    # A kill may take both worker processes.
    assert worst <= 2 * BATCH
    assert slowest <= _MOVING_SECONDS
    moving = f"moving again after {slowest:.1f} s at most"
    return f"{times} kills; {found}; the worst kill doubled {worst} events, {BATCH} are a batch; {moving}"


@scenario(
    "SIGKILL of all workers while each call to Split takes 3 s, so that many calls are under way",
    "lost 0; doubled at most a batch for each call under way",
)
def kills_while_slow(folder: Path, dose: Dose) -> str:
    """A lane has four drains at most, and each has one call under way."""
    times, messages = dose.of((2, 5_000), (20, 20_000))
    with ground(folder, delivery="timeout_seconds: 10") as on, Senders([], seed=dose.seed) as senders:
        on.sandbox.faults({"api": "events", "delayMs": _SLOW_MS})
        victims = Victims(on, dose.chance())
        senders.urls.append(on.service.url)
        senders.release(messages)
        senders.wait_until_acknowledged(60)
        for _ in range(times):
            on.service.wait_until(lambda: on.lanes()["events"].in_flight > (SLOTS["events"] - 1) * BATCH, 60)
            time.sleep(_SLOW_MS / 2000)
            victims.whole_workers()
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders)
        worst = doubles.most(on.sandbox, "events", victims.deaths_ms, _SLOW_MS)
    assert not found.lost, found.lost[:20]
    assert worst <= SLOTS["events"] * BATCH
    return f"{times} kills; {found}; the worst kill doubled {worst} events, {BATCH} are a batch"
