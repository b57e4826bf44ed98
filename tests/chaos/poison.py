"""Messages over which the mapping crashes, hangs or takes all memory."""

import time
from pathlib import Path

import orjson

from split_dest.inbox import dead_letters
from tests.chaos.ground import BATCH, Ground, ground
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.planted import FAULTS, TRIED, sown
from tests.support.service import tracks

_NEIGHBOURS = 300
_TRIES = 3
_SOME = ["Poison crash", "Poison backtrack"]


def _destination(name: str) -> str:
    return name.lower().replace(" ", "-")


def _numbers(name: str) -> range:
    """Return the numbers of the messages among which this kind of poison stands."""
    first = 10**6 * (1 + list(FAULTS).index(name))
    return range(first, first + _NEIGHBOURS)


def _poison(on: Ground, name: str, at: int) -> None:
    messages = tracks(_NEIGHBOURS, start=_numbers(name)[0])
    messages[at] |= {"event": name}
    assert on.service.post(messages, f"/webhook/{_destination(name)}").json()["accepted"] == _NEIGHBOURS


@scenario(
    "a message that crashes its worker, hangs it in Python or in C, or takes all its memory",
    "set aside after 3 tries; its neighbours delivered, a batch of them twice at most; other lanes go on; lost 0",
)
def poison(folder: Path, dose: Dose) -> str:
    """Each kind stands among 300 others; the short form has two kinds at once, the long one each by itself."""
    groups, chance = dose.of([_SOME], [[name] for name in FAULTS]), dose.chance()
    with ground(folder) as on, Senders([], batch=10, seed=dose.seed) as senders:
        on.add(*(_destination(name) for name in FAULTS))
        on.service.start_web()
        on.service.environ |= sown(on.service.folder)
        on.service.start_workers()
        senders.urls.append(on.service.url)
        # Not in the first batch, so that the call of the one before is under way.
        took = [_endure(on, senders, names, chance.randrange(BATCH, _NEIGHBOURS)) for names in groups]
        doubled = max(_doubled(on, name) for names in groups for name in names)
        on.settle(senders)
        found, longest = on.verdict(senders), _longest_ms(on, senders)
        log = on.service.log("worker")
    assert not found.lost
    assert not found.doubled
    tries = [log.count(TRIED.format(FAULTS[name].__name__)) for names in groups for name in names]
    assert set(tries) == {_TRIES}, tries
    assert doubled <= BATCH
    deaths = log.count('"event":"worker_died"')
    return (
        f"{len(tries)} kinds among {_NEIGHBOURS} each, set aside after {max(took):.0f} s and "
        f"{doubled} of them doubled at most; "
        f"{deaths} processes ended; other messages waited {longest / 1000:.1f} s at most; {found}"
    )


def _endure(on: Ground, senders: Senders, names: list[str], at: int) -> float:
    """Post poison of these kinds, and others until all of it is settled; return how many seconds it took."""
    started = time.monotonic()
    for name in names:
        _poison(on, name, at)
    while any(lane.pending for name in names for lane in on.lanes(_destination(name)).values()):
        assert time.monotonic() - started < 300, on.service.log("worker")[-3000:]
        senders.release_at(20, 1)
    took = time.monotonic() - started
    for name in names:
        _check(on, name, at)
    return took


def _check(on: Ground, name: str, at: int) -> None:
    numbers = _numbers(name)
    assert set(_came(on, name)) == {f"u-{n}" for n in numbers if n != numbers[at]}
    (letter,) = dead_letters.browse(on.service.store, _destination(name))
    assert (letter.reason, orjson.loads(letter.text)["messageId"]) == ("crashed_worker", f"m-{numbers[at]}")


def _came(on: Ground, name: str) -> list[str]:
    """Return the keys of the events that came of this kind's neighbours."""
    numbers = _numbers(name)
    return [event["key"] for event in on.sandbox.received("events") if int(event["key"][2:]) in numbers]


def _doubled(on: Ground, name: str) -> int:
    came = _came(on, name)
    return len(came) - len(set(came))


def _longest_ms(on: Ground, senders: Senders) -> float:
    """Return the longest time from endpoint to Split."""
    offset = time.time() - time.monotonic()
    records = on.sandbox.call("GET", "/_sandbox/received?kind=events").json()
    came = {record["key"]: record["receivedAt"] for record in records}
    return max(
        came[key] - (at + offset) * 1000
        for number, at in senders.acknowledged.items()
        if (key := f"u-{number}") in came
    )
