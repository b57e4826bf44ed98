"""Messages over which the mapping crashes, hangs or takes all memory."""

import os
import time
from pathlib import Path

import orjson

from split_dest.inbox import dead_letters
from tests.chaos.ground import Ground, ground
from tests.chaos.planted import FAULTS, TRIED
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.service import tracks

_ROOT = Path(__file__).parents[2]
_NEIGHBOURS = 300
_TRIES = 3


def _sow(on: Ground) -> None:
    """Plants the faults in all processes that are started from now on."""
    folder = on.service.folder / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("from tests.chaos.planted import plant\n\nplant()\n")
    on.service.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{_ROOT}"


def _poison(on: Ground, names: list[str], at: int) -> None:
    """Posts a batch with a poisonous message to each of so many destinations."""
    for number, (destination, name) in enumerate(zip(on.destinations[1:], names, strict=False)):
        messages = tracks(_NEIGHBOURS, start=10**6 * (number + 1))
        messages[at] |= {"event": name}
        assert on.service.post(messages, f"/webhook/{destination}").json()["accepted"] == _NEIGHBOURS


@scenario(
    "a message that crashes its worker, hangs it in Python or in C, or takes all its memory",
    "set aside after 3 tries; its neighbours delivered; other lanes go on meanwhile; lost 0",
)
def poison(folder: Path, dose: Dose) -> str:
    """Each kind stands among 300 others; the long form meets one kind at a time, the short one all at once."""
    names, chance = list(FAULTS), dose.chance()
    with ground(folder) as on, Senders([], batch=10, seed=dose.seed) as senders:
        on.add(*(f"p-{n}" for n in range(len(names))))
        on.service.start_web()
        _sow(on)
        on.service.start_workers()
        senders.urls.append(on.service.url)
        took = [
            _endure(on, senders, group, chance.randrange(_NEIGHBOURS))
            for group in dose.of([names], [[name] for name in names])
        ]
        on.settle(senders)
        found, longest = on.verdict(senders), _longest_ms(on, senders)
        log = on.service.log("worker")
    assert not found.lost
    assert not found.doubled
    tries = {name: log.count(TRIED.format(fault.__name__)) for name, fault in FAULTS.items()}
    assert set(tries.values()) == {_TRIES}, tries
    deaths = log.count('"event":"worker_died"')
    return (
        f"{len(names)} kinds among {_NEIGHBOURS} each, set aside after {max(took):.0f} s at most; "
        f"{deaths} processes ended; other messages waited {longest / 1000:.1f} s at most; {found}"
    )


def _endure(on: Ground, senders: Senders, names: list[str], at: int) -> float:
    """Posts poison of these kinds, and others until all of it is settled; gives how many seconds it took."""
    started = time.monotonic()
    _poison(on, names, at)
    while any(lane.pending for name in on.destinations[1:] for lane in on.lanes(name).values()):
        assert time.monotonic() - started < 300, on.service.log("worker")[-3000:]
        senders.release_at(20, 1)
    took = time.monotonic() - started
    for number, destination in enumerate(on.destinations[1 : len(names) + 1]):
        _check(on, destination, range(10**6 * (number + 1), 10**6 * (number + 1) + _NEIGHBOURS), at)
    return took


def _check(on: Ground, destination: str, numbers: range, at: int) -> None:
    keys = [event["key"] for event in on.sandbox.received("events") if int(event["key"][2:]) in numbers]
    assert sorted(keys) == sorted(f"u-{n}" for n in numbers if n != numbers[at])
    *_, letter = dead_letters.browse(on.service.store, destination)
    assert (letter.reason, orjson.loads(letter.text)["messageId"]) == ("crashed_worker", f"m-{numbers[at]}")


def _longest_ms(on: Ground, senders: Senders) -> float:
    """Gives the longest time from door to Split."""
    offset = time.time() - time.monotonic()
    records = on.sandbox.call("GET", "/_sandbox/received?kind=events").json()
    came = {record["key"]: record["receivedAt"] for record in records}
    return max(
        came[key] - (at + offset) * 1000
        for number, at in senders.acknowledged.items()
        if (key := f"u-{number}") in came
    )
