"""The clock of a host is minutes wrong, as libfaketime shows it to its processes."""

import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.ground import BATCH, Ground, ground, until
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.redis_server import RedisServer
from tests.support.service import tracks

_WRONG_SECONDS = 300
_JUMP_SECONDS = 7200
_LATE_SECONDS = 10.0
_A_SECOND = 40
_REST = "sd:web:events:rest"
_OWN_TIMES = 1_000_000
#: With a monotonic clock that is right, libfaketime 0.9.10 breaks Python's own way to sleep, as is known there.
_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


def _library() -> str:
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")


def _lacks() -> str:
    return "" if _library() else "needs libfaketime (apt install faketime)"


def _wrong(seconds: int, folder: Path) -> dict[str, str]:
    """Return the variables of a process whose clock is wrong; the time since the start of the machine is right."""
    (folder / "sitecustomize.py").write_text(_SLEEP)
    variables = {
        "PYTHONPATH": str(folder),
        "LD_PRELOAD": _library(),
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    told = subprocess.check_output([sys.executable, "-c", "import time; print(time.time())"], env=variables)
    assert abs(float(told) - time.time() - seconds) < 60, "libfaketime does nothing"
    return variables


def _now_ms() -> int:
    return int(time.time() * 1000)


def _came_ms(on: Ground, since_ms: int) -> list[int]:
    """Return when events came since a time, by the stand-in's clock, which is right."""
    records = on.sandbox.call("GET", f"/_sandbox/received?kind=events&since={since_ms}").json()
    return sorted(record["receivedAt"] for record in records)


def _rest(on: Ground, wait_seconds: int) -> float:
    """Split asks to wait: no call comes before the time; gives how long after it one came, in seconds."""
    began_ms = _now_ms()
    on.sandbox.faults({"api": "events", "status": 429, "retryAfter": wait_seconds, "times": 1})
    on.service.wait_until(lambda: on.lanes()["events"].resting_reason == "rate_limited", 60)
    ends_ms = int(on.service.store.client.hget(_REST, "until_ms"))
    assert began_ms + wait_seconds * 1000 <= ends_ms <= _now_ms() + (wait_seconds + 1) * 1000
    until(lambda: bool(_came_ms(on, ends_ms)), 60, "events after the rest")
    # Calls that had started when another was refused may end within a second.
    early = [at for at in _came_ms(on, ends_ms - wait_seconds * 1000 + 1000) if at < ends_ms]
    assert not early, [at - ends_ms for at in early]
    _back_off(on)
    return (_came_ms(on, ends_ms)[0] - ends_ms) / 1000


def _back_off(on: Ground) -> None:
    """Split fails for two seconds: the rests that follow end in time, whoever measures them."""
    on.sandbox.faults({"api": "events", "status": 503, "seconds": 2})
    on.service.wait_until(lambda: on.lanes()["events"].refusals > 0, 60)
    on.moves_within(60, on.settled())


def _times_are_kept(on: Ground, senders: Senders, began_ms: int) -> None:
    """A message's own time stays, whoever delivers it; one without gets the time at which it came."""
    on.service.post(tracks(3, _OWN_TIMES))
    on.settle(senders)
    own = {f"u-{number}" for number in range(_OWN_TIMES, _OWN_TIMES + 3)}
    for event in on.sandbox.received("events"):
        at = event["timestamp"]
        assert at == 1768469400250 if event["key"] in own else began_ms <= at <= _now_ms(), event


class Hosts:
    """A worker whose clock is right and one whose clock is wrong; one is killed, and the other takes over."""

    def __init__(self, on: Ground, wrong: dict[str, str]) -> None:
        self._on = on
        self._crews = [on.service.start_workers(1), on.service.start_workers(1, **wrong)]

    def kill(self, which: int) -> float:
        """Kill one while a call is under way; return after how many seconds the other went on."""
        on = self._on
        on.sandbox.faults({"api": "events", "delayMs": 300})
        on.service.wait_until(lambda: on.lanes()["events"].in_flight > 0, 60)
        on.service.kill(self._crews.pop(which))
        took = on.moves_within(60, on.settled())
        on.sandbox.faults()
        return took

    def stop(self) -> None:
        """Stop the one that is left."""
        assert self._on.service.stop(*self._crews) == [0]


class Turns:
    """One wrong clock after the other, and what was measured of each."""

    def __init__(self, on: Ground, senders: Senders) -> None:
        self._on = on
        self._senders = senders
        self._began_ms = _now_ms()
        self.late_seconds: list[float] = []
        self.over_seconds: list[float] = []
        self.found = on.verdict(senders)

    def take(self, wrong: dict[str, str], waits_seconds: list[int], *, web_too: bool, kill: int) -> None:
        """Start everything, have the rests, kill one of the two workers, and stop the rest of it."""
        on, senders = self._on, self._senders
        web = on.service.start_web(**wrong if web_too else {})
        senders.urls[:] = [on.service.url]
        hosts = Hosts(on, wrong)
        with senders.flow(_A_SECOND):
            self.late_seconds += [_rest(on, seconds) for seconds in waits_seconds]
        _times_are_kept(on, senders, self._began_ms)
        assert on.verdict(senders).doubled == self.found.doubled
        with senders.flow(_A_SECOND):
            self.over_seconds.append(hosts.kill(kill))
        on.settle(senders)
        self.found = on.verdict(senders)
        hosts.stop()
        on.service.stop(web)


@scenario(
    "the clock of one of two workers five minutes ahead, then behind, and once that of web as well",
    "lost 0; doubled 0 but for kills; no call before the time that Split gave, the next within 10 s of it; times "
    "unharmed",
    _lacks,
)
def clocks(folder: Path, dose: Dose) -> str:
    """Rests are measured, back-offs end, and killed workers are taken over from, whichever clock is wrong."""
    rounds, waits_seconds = dose.of((1, [3]), (4, [8] * 5))
    with ground(folder) as on, Senders([]) as senders:
        turns = Turns(on, senders)
        for turn, seconds in enumerate((_WRONG_SECONDS, -_WRONG_SECONDS) * rounds):
            kill = (turn + turn // 2) % 2
            turns.take(_wrong(seconds, folder), waits_seconds, web_too=turn == 0, kill=kill)
    assert not turns.found.lost, turns.found.lost[:20]
    assert max(turns.late_seconds) < _LATE_SECONDS, turns.late_seconds
    assert turns.found.doubled <= 2 * rounds * BATCH
    return (
        f"{turns.found}, all by {2 * rounds} kills; {len(turns.late_seconds)} rests kept, the next call "
        f"{max(turns.late_seconds):.1f} s after their end at most; after a kill the other went on within "
        f"{max(turns.over_seconds):.1f} s"
    )


def _set(clock: Path, seconds: int) -> None:
    """Set how far the clock of the processes is ahead that read this file."""
    clock.write_text(f"{seconds:+d}s\n")


def _clock_of(clock: Path) -> tuple[str, ...]:
    """Return a command that runs the one that follows it by a clock that this file sets while it runs."""
    variables = {
        "LD_PRELOAD": _library(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return ("env", *(f"{name}={value}" for name, value in variables.items()))


def _jump(on: Ground, clock: Path, first: int) -> float:
    """Put Redis's clock ahead while Split asks to wait, and back; return how many seconds all then takes."""
    _set(clock, _JUMP_SECONDS)
    until(lambda: on.service.store.now_ms() > _now_ms() + 1000 * _JUMP_SECONDS - 60_000, 10, "Redis's clock ahead")
    on.sandbox.faults({"api": "events", "status": 429, "retryAfter": 2, "times": 1})
    on.service.post(tracks(BATCH, first))
    on.service.wait_until(lambda: on.lanes()["events"].resting_reason == "rate_limited", 60)
    _set(clock, 0)
    on.service.post(tracks(BATCH, first + BATCH))
    return until(lambda: on.lanes()["events"].delivered == first + 2 * BATCH, 60, "delivered after the way back")


@scenario(
    "Redis's clock two hours ahead while Split asks to wait, then right again",
    "lost 0, doubled 0; all is delivered within 10 s after it is right",
    _lacks,
)
def redis_clock(folder: Path, dose: Dose) -> str:
    """What was written while it was ahead holds nothing up until it has caught up."""
    rounds, clock = dose.of(1, 20), folder / "clock"
    _set(clock, 0)
    redis = RedisServer(folder / "redis", within=_clock_of(clock))
    with ground(folder, redis=redis) as on:
        on.service.start_web()
        on.service.start_workers(2)
        late_seconds = [_jump(on, clock, turn * 2 * BATCH) for turn in range(rounds)]
        sent, arrived = rounds * 2 * BATCH, [event["key"] for event in on.sandbox.received("events")]
    assert sorted(arrived) == sorted(f"u-{n}" for n in range(sent)), (len(arrived), sent)
    assert max(late_seconds) < _LATE_SECONDS, late_seconds
    return f"{sent:,} acknowledged, lost 0, doubled 0; all delivered {max(late_seconds):.1f} s after it was right"
