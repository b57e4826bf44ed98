"""Split is dead for one destination; what becomes of the others' time from endpoint to Split."""

import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.chaos.ground import Ground, ground
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders

_APART = 1_000_000
_HEALTHY = 4
_A_SECOND = 6.0
_SPLIT_MS = 50
#: This many wait for the dead one at once: three of its drains are at work together.
_BACKLOG = 2500
#: What tells the dead destination's calls: all its numbers begin with this figure.
_DEAD = "u-9"
_HANGS = {"delayMs": 60_000, "drop": True}
_REFUSES = {"status": 503}


class Town:
    """Healthy destinations and one whose Split dies, all under steady load."""

    def __init__(self, on: Ground, stack: ExitStack, seed: int) -> None:
        self._on = on
        on.add("dead", *(f"h-{n}" for n in range(2, _HEALTHY + 1)))
        on.service.start_web()
        on.service.start_workers()
        names = [name for name in on.destinations if name != "dead"]
        self.dead, *self.healthy = (
            stack.enter_context(
                Senders(
                    [on.service.url], threads=2, batch=batch, seed=seed, destination=name, first=_APART * figure
                )
            )
            for name, figure, batch in [("dead", 9, 40), *((name, n + 1, 5) for n, name in enumerate(names))]
        )

    def live(self, trouble: dict[str, Any] | None, seconds: float) -> list[float]:
        """Let all be sent to while Split has trouble with one; return the others' times to Split, in ms."""
        slow = {"api": "events", "delayMs": _SPLIT_MS}
        concerned = [{"api": api, "containing": _DEAD, **(trouble or {})} for api in ("events", "identities")]
        self._on.sandbox.faults(*(concerned if trouble else []), slow)
        if trouble:
            self.dead.release(_BACKLOG)
            self.dead.wait_until_acknowledged(60)
        firsts = {sent.first + sent.released for sent in self.healthy}
        loads = [
            threading.Thread(target=sent.release_at, args=(_A_SECOND, seconds))
            for sent in (self.dead, *self.healthy)
        ]
        for load in loads:
            load.start()
        for load in loads:
            load.join()
        return self._times_ms(firsts)

    def _times_ms(self, firsts: set[int]) -> list[float]:
        """Return the times of what was released from these numbers on."""
        for sent in self.healthy:
            sent.wait_until_acknowledged()
        self._on.service.wait_until(self._healthy_are_done, 120)
        offset = time.time() - time.monotonic()
        records = self._on.sandbox.call("GET", "/_sandbox/received?kind=events").json()
        came = {int(record["key"][2:]): record["receivedAt"] for record in records}
        begin = {first // _APART: first for first in firsts}
        return [
            came[number] - (at + offset) * 1000
            for sent in self.healthy
            for number, at in sent.acknowledged.items()
            if number in came and number >= begin[number // _APART]
        ]

    def _healthy_are_done(self) -> bool:
        names = [sent.destination for sent in self.healthy]
        return not any(lane.pending for name in names for lane in self._on.lanes(name).values())


@scenario(
    "Split hangs, or answers 503, for one of five destinations",
    "lost 0; the other four's time from endpoint to Split, median and 95th percentile, stays within 20 %",
)
def neighbour(folder: Path, dose: Dose) -> str:
    """Spells with and without trouble take turns; each begins with a lane that does not rest."""
    with ExitStack() as stack:
        on = stack.enter_context(ground(folder, delivery=f"timeout_seconds: {dose.of(4, 10)}"))
        town = Town(on, stack, dose.seed)
        text = _measured(on, town, dose)
        for sent in (town.dead, *town.healthy):
            on.settle(sent)
        found = [on.verdict(sent) for sent in (town.dead, *town.healthy)]
    assert not [verdict for verdict in found if verdict.lost or verdict.doubled], found
    return (
        f"{text}; {sum(verdict.acknowledged for verdict in found):,} acknowledged, lost 0, doubled 0, "
        f"books balanced in {on.books.scrapes} scrapes"
    )


def _measured(on: Ground, town: Town, dose: Dose) -> str:
    seconds, rounds, tries = dose.of((6.0, 1, 3), (20.0, 8, 1))
    # A few seconds on a busy machine only tell a neighbour's time-out from none, and not always at once.
    factor, more_ms = dose.of((2.0, 300.0), (1.2, 0.0))
    while True:
        tries -= 1
        try:
            return _compared(*_spells(on, town, seconds, rounds), factor, more_ms)
        except AssertionError:
            if not tries:
                raise


def _spells(on: Ground, town: Town, seconds: float, rounds: int) -> tuple[list[float], list[float]]:
    """Return the healthy destinations' times, in ms, without trouble and with it."""
    well: list[float] = []
    troubled: list[float] = []
    town.live(None, 2)
    for trouble in (_HANGS, _REFUSES) * rounds:
        well += town.live(None, seconds / 2)
        troubled += town.live(trouble, seconds)
        on.sandbox.faults()
        on.settle(town.dead, 400)
        well += town.live(None, seconds / 2)
    return well, troubled


def _compared(well: list[float], troubled: list[float], factor: float, more_ms: float) -> str:
    (quiet, loud) = ((statistics.median(ms), statistics.quantiles(ms, n=20)[-1]) for ms in (well, troubled))
    text = (
        f"{len(troubled):,} events: median {loud[0]:.0f} ms, 95th percentile {loud[1]:.0f} ms, against "
        f"{quiet[0]:.0f} and {quiet[1]:.0f} ms of {len(well):,} without trouble, {_SPLIT_MS} of them Split's"
    )
    assert all(b <= factor * a + more_ms for a, b in zip(quiet, loud, strict=True)), text
    return text
