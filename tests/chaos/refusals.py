"""Split refuses in every way that it has, and each lane rests as it should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from split_dest.inbox import dead_letters
from tests.chaos.ground import BATCH, Ground, ground, until
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import BAD, Senders, kind

#: What Split does, and the reason for which a lane rests then.
_WAYS: list[tuple[dict[str, Any], str]] = [
    ({"status": 503}, "upstream_error"),
    ({"status": 429, "retryAfter": 1}, "rate_limited"),
    ({"delayMs": 30_000, "drop": True}, "upstream_timeout"),
    ({"drop": "half"}, "upstream_unreachable"),
    ({"drop": True}, "upstream_unreachable"),
    ({"status": 500, "body": "<html>garbage"}, "upstream_error"),
    ({"status": 301}, "upstream_error"),
    ({"status": 401}, "key_refused"),
]
_PER_WAY = 100
_APIS = ("events", "identities")


def rests(on: Ground) -> Iterator[dict[str, Any]]:
    """Yield the lines of the workers' log that tell of rests."""
    lines = (line for line in on.service.log("worker").splitlines() if '"event":"lane_paused"' in line)
    yield from map(orjson.loads, lines)


@scenario(
    "Split answers 503, 429, 401, hangs, closes half way or at once, sends garbage, "
    "400 for one record, a partial failure in a 200",
    "lost 0; the lane rests with the right reason; only the refused records are set aside",
)
def refusals(folder: Path, dose: Dose) -> str:
    """Each way meets calls of both lanes, while messages come; the next begins when all goes well again."""
    times = dose.of(1, 5)
    with ground(folder, delivery="timeout_seconds: 4") as on, Senders([], seed=dose.seed) as senders:
        on.service.file.write_text(on.service.file.read_text() + "    identify: {mode: replace}\n")
        on.service.start_web()
        on.service.start_workers()
        senders.urls.append(on.service.url)
        for way, reason in _WAYS:
            _meet(on, senders, way, reason, times)
        refused = _refuse_single_records(on, senders)
        on.settle(senders)
        found = on.verdict(senders)
        letters = {letter.reason for letter in dead_letters.browse(on.service.store, "web")}
        count = sum(lane.dead for lane in on.lanes().values()) - sum(kind(n) == BAD for n in senders.acknowledged)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= times * BATCH * len(_APIS)  # of the answers that were cut after the records were taken
    assert (letters, count) == ({"message_too_large", "record_refused"}, refused)
    return (
        f"{len(_WAYS) + 2} ways, {times} times each in two lanes; {found}; set aside {count} of {refused} refused"
    )


def _meet(on: Ground, senders: Senders, way: dict[str, Any], reason: str, times: int) -> None:
    before = sum(1 for _ in rests(on))
    on.sandbox.faults(*({"api": api, "times": times, **way} for api in _APIS))
    senders.release(_PER_WAY)
    until(lambda: not on.sandbox.call("GET", "/_sandbox/faults").json(), 120, f"{way} was not met")
    on.settle(senders)
    seen = {(line["lane"], line["reason"]) for line in list(rests(on))[before:]}
    assert {(lane, reason) for lane in _APIS} <= seen, (way, seen)


def _refuse_single_records(on: Ground, senders: Senders) -> int:
    first = len(senders.acknowledged)
    event, identity = f'"u-{first + 57}"', f"u-{first}"
    on.sandbox.faults(
        {"api": "events", "status": 400, "containing": event},
        {"api": "identities", "failKeys": [identity], "status": 400},
    )
    senders.release(_PER_WAY)
    on.settle(senders)
    on.sandbox.faults()
    return 2
