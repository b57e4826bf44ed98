"""Everything is replaced under load, again and again, by the signals that init systems and platforms send."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.ground import BATCH, Ground, ground, until
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders

_STOP_SECONDS = 25.0
_A_SECOND = 100
_WORKERS = 2

Process = subprocess.Popen[bytes]


def _to_main(process: Process) -> None:
    """Kubernetes sends it to a container's first process, systemd to the main one (KillMode=mixed)."""
    process.send_signal(signal.SIGTERM)


def _to_group(process: Process) -> None:
    """Heroku and systemd (KillMode=control-group, its default) send it to every process."""
    os.killpg(process.pid, signal.SIGTERM)


def _twice(process: Process) -> None:
    """Somebody is impatient."""
    _to_group(process)
    time.sleep(1.2)
    if process.poll() is None:
        _to_group(process)


def _ctrl_c(process: Process) -> None:
    """A terminal sends it to every process in the foreground."""
    os.killpg(process.pid, signal.SIGINT)


_WAYS = (_to_main, _to_group, _twice, _ctrl_c)


class Fleet:
    """Two of web and two of workers; of either the older one is replaced, as a rolling deployment does."""

    def __init__(self, on: Ground, senders: Senders) -> None:
        self._on = on
        self._senders = senders
        self.stops = 0
        self.slowest_seconds = 0.0
        self._webs = [self._start_web(), self._start_web()]
        self._crews = [on.service.start_workers(1), on.service.start_workers(1)]

    def _start_web(self) -> tuple[str, Process]:
        process = self._on.service.start_web()
        self._senders.urls.append(self._on.service.url)
        return self._on.service.url, process

    def replace_web(self, tell: Callable[[Process], None]) -> None:
        """Start a new one and stop the older one, which senders try until it has ended."""
        self._webs.append(self._start_web())
        url, process = self._webs.pop(0)
        self._stop(process, tell)
        self._senders.urls.remove(url)

    def replace_workers(self, tell: Callable[[Process], None]) -> None:
        """Start new ones and stop the older ones."""
        self._crews.append(self._on.service.start_workers(1))
        self._stop(self._crews.pop(0), tell)

    def _stop(self, process: Process, tell: Callable[[Process], None]) -> None:
        seconds = _stop(self._on, process, tell)
        self.stops += 1
        self.slowest_seconds = max(self.slowest_seconds, seconds)


def _stop(on: Ground, process: Process, tell: Callable[[Process], None]) -> float:
    """Return how long it took until nothing was left of a process that was told to stop, in seconds."""
    started = time.monotonic()
    tell(process)
    assert process.wait(2 * _STOP_SECONDS) == 0
    until(lambda: not _left_of(process.pid), _STOP_SECONDS, "no process is left behind")
    on.service.processes.remove(process)
    seconds = time.monotonic() - started
    assert seconds < _STOP_SECONDS, seconds
    return seconds


def _left_of(session: int) -> list[int]:
    """Return the ids of a session's processes that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@scenario(
    "rolling restart of two web and two worker hosts: SIGTERM to the process, to its group, twice; Ctrl-C",
    "lost 0, doubled 0; no answers but 200 and 503; each stops within 25 s, exit 0, and leaves no process behind",
)
def rolling(folder: Path, dose: Dose) -> str:
    """Calls to Split take a while, so that each signal meets some under way; the long form nears the time-out."""
    times, delay_ms, timeout_seconds = dose.of((1, 800, 5), (10, 8000, 10))
    web_ways = dose.of((_to_group, _ctrl_c), _WAYS)
    with ground(folder, delivery=f"timeout_seconds: {timeout_seconds}") as on, Senders([]) as senders:
        on.sandbox.faults({"api": "events", "delayMs": delay_ms}, {"api": "identities", "delayMs": delay_ms})
        fleet = Fleet(on, senders)
        with senders.flow(_A_SECOND):
            for tell in _WAYS * times:
                if tell in web_ways:
                    fleet.replace_web(tell)
                on.service.wait_until(lambda: on.lanes()["events"].in_flight > 0, 60)
                fleet.replace_workers(tell)
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders)
        killed = on.service.log("worker").count("worker_killed")
    assert not killed
    assert set(senders.answers) <= {200, 503, "none"}, senders.answers
    assert not found.lost, found.lost[:20]
    assert found.doubled == 0
    return (
        f"{fleet.stops} stops, all with 0, the slowest in {fleet.slowest_seconds:.1f} s; {found}; "
        f"answers of 200: {senders.answers[200]:,}, 503: {senders.answers[503]}, broken connections: "
        f"{senders.answers['none']}"
    )


@scenario(
    "SIGTERM to web and workers while Redis is frozen and calls to Split are under way",
    "lost 0, doubled at most a batch a worker; each stops within 25 s, exit 0, and leaves no process behind",
)
def stops(folder: Path, dose: Dose) -> str:
    """Nobody may wait for a Redis that is silent, when it is time to go."""
    times, slowest_seconds = dose.of(1, 10), 0.0
    with ground(folder) as on, Senders([]) as senders:
        on.sandbox.faults({"api": "events", "delayMs": 1000}, {"api": "identities", "delayMs": 1000})
        for _ in range(times):
            web, crew = on.service.start_web(), on.service.start_workers(_WORKERS)
            senders.urls[:] = [on.service.url]
            senders.release(1000)
            on.service.wait_until(lambda: on.lanes()["events"].in_flight > 0, 60)
            on.redis.signal(signal.SIGSTOP)
            slowest_seconds = max(slowest_seconds, _stop(on, crew, _to_group), _stop(on, web, _to_group))
            on.redis.signal(signal.SIGCONT)
        on.sandbox.faults()
        senders.urls[:] = [_start(on)]
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= times * _WORKERS * BATCH
    return f"{2 * times} stops, all with 0, the slowest in {slowest_seconds:.1f} s; {found}"


def _start(on: Ground) -> str:
    on.service.start_workers()
    on.service.start_web()
    return on.service.url
