"""Many lanes are refused at once: how long they rest, and when they come back."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from split_dest.inbox.drains import BACKOFF_BASE_MS, BACKOFF_CAP_MS
from tests.chaos.ground import Ground, ground, until
from tests.chaos.refusals import rests
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders

_DESTINATIONS = 30
_EACH = 25
#: Numbers of seven digits, so that the first four tell the destination.
_APART = 1000


@contextmanager
def _many(folder: Path, dose: Dose) -> Iterator[tuple[Ground, list[Senders]]]:
    with ExitStack() as stack:
        on = stack.enter_context(ground(folder))
        on.add(*(f"d-{n}" for n in range(1, _DESTINATIONS)))
        on.service.start_web()
        on.service.start_workers()
        senders = [
            stack.enter_context(
                Senders([on.service.url], threads=1, seed=dose.seed, destination=name, first=_APART * (_APART + n))
            )
            for n, name in enumerate(on.destinations)
        ]
        yield on, senders


def _settled(on: Ground, senders: list[Senders]) -> tuple[int, int]:
    """Wait for all; return how many messages were acknowledged, and make sure that none is lost or doubled."""
    found = []
    for each in senders:
        on.settle(each, 300)
        found.append(on.verdict(each))
    assert not [verdict for verdict in found if verdict.lost or verdict.doubled], found
    return sum(verdict.acknowledged for verdict in found), on.books.scrapes


@scenario("503 for 60 lanes at once", "lost 0; the back-off's spread: coefficient of variation over 0.3")
def back_off(folder: Path, dose: Dose) -> str:
    """Each rest is compared with its bound, which doubles from one to the next."""
    wanted = dose.of(100, 360)
    with _many(folder, dose) as (on, senders):
        on.sandbox.faults(*({"api": api, "status": 503} for api in ("events", "identities")))
        for each in senders:
            each.release(_EACH)
        until(lambda: sum(1 for _ in rests(on)) >= wanted, 600, f"{wanted} rests")
        on.sandbox.faults()
        parts = list(_parts(on))
        acknowledged, scrapes = _settled(on, senders)
    variation = statistics.stdev(parts) / statistics.mean(parts)
    assert variation > 0.3
    assert max(parts) <= 1.05
    return (
        f"{len(parts)} rests, coefficient of variation {variation:.2f}; {acknowledged:,} acknowledged, "
        f"lost 0, doubled 0, books balanced in {scrapes} scrapes"
    )


def _parts(on: Ground) -> Iterator[float]:
    """Yield each rest's part of its bound."""
    refusals: Counter[tuple[str, str]] = Counter()
    for line in rests(on):
        lane = line["destination"], line["lane"]
        refusals[lane] += 1
        yield line["rest_ms"] / min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** refusals[lane])


@scenario(
    "429 with Retry-After for 30 lanes at once", "lost 0; no call before the time given; not all back at once"
)
def retry_after(folder: Path, dose: Dose) -> str:
    """Two answers in a row ask each lane to wait; the stand-in's clock judges."""
    wait_seconds, rounds = dose.of(4, 70), dose.of(2, 3)
    with _many(folder, dose) as (on, senders):
        names = [f"u-{each.first // _APART}" for each in senders]
        ask = {"api": "events", "status": 429, "retryAfter": wait_seconds}
        on.sandbox.faults(*(ask | {"containing": f'"key":"{name}'} for name in names))
        for each in senders:
            each.release(_EACH)
        needed = rounds * len(senders)
        until(lambda: len(_refused(on)) >= needed, rounds * wait_seconds + 120, f"{needed} refusals")
        calls = _refused(on)
        on.sandbox.faults()
        acknowledged, scrapes = _settled(on, senders)
    waits, moments = _waits_ms(calls)
    assert min(waits) >= wait_seconds * 1000, sorted(waits)[:5]
    assert len(moments) > len(senders) / 2, "all came back at once"
    return (
        f"Retry-After {wait_seconds}: {len(waits)} next calls after {min(waits) / 1000:.1f} to "
        f"{max(waits) / 1000:.1f} s, at {len(moments)} different milliseconds; {acknowledged:,} acknowledged, "
        f"lost 0, doubled 0, books balanced in {scrapes} scrapes"
    )


def _refused(on: Ground) -> list[dict[str, object]]:
    return [call for call in on.sandbox.call("GET", "/_sandbox/calls").json() if call["outcome"] == "429"]


def _waits_ms(calls: list[dict[str, object]]) -> tuple[list[int], set[int]]:
    """Return how long after each refusal the lane's next call came, and at which moments those calls came."""
    by_lane: defaultdict[object, list[dict[str, object]]] = defaultdict(list)
    for call in calls:
        by_lane[call["containing"]].append(call)
    pairs = [pair for mine in by_lane.values() for pair in pairwise(mine)]
    waits = [int(str(after["receivedAt"])) - int(str(before["answeredAt"])) for before, after in pairs]
    return waits, {int(str(after["receivedAt"])) for _, after in pairs}
