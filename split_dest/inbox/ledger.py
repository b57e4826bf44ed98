"""What is where: every lane's numbers, taken in one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from split_dest.inbox import forbidden, lanes
from split_dest.inbox.store import Store, reported

#: A worker that gave no sign of life for so long counts as gone.
_ALIVE_MS = 5_000
_LIMITED = "sd:limited"


@dataclass(frozen=True, slots=True)
class LaneNumbers:
    """One lane's numbers; ``received = delivered + filtered + duplicate + pending + dead`` at every moment.

    ``pending`` counts all that is stored and not settled, ``in_flight`` those of it that a drain has claimed.
    ``oldest_seconds`` is the age of the oldest pending message. ``resting_until_ms`` and the rest's words are None
    while the lane works; ``refusals`` counts those in a row. ``noted`` counts, by reason code, what was repaired
    or left out of messages that are counted elsewhere.
    """

    received: int
    delivered: int
    filtered: Mapping[str, int]
    noted: Mapping[str, int]
    duplicate: int
    pending: int
    in_flight: int
    dead: int
    oldest_seconds: float
    resting_until_ms: int | None
    resting_reason: str | None
    resting_detail: str | None
    refusals: int

    @property
    def filtered_total(self) -> int:
        """All that the settings kept out, whatever the reason."""
        return sum(self.filtered.values())


@dataclass(frozen=True, slots=True)
class Ledger:
    """The numbers of lanes by their owner and name, how many workers live, and Redis's time of it all.

    ``forbidden`` counts, by reason code, jobs that somebody else put into Redis and no worker ran.
    ``limited`` counts failed attempts to get in that were over an address's limit.
    """

    lanes: Mapping[tuple[str, str], LaneNumbers]
    workers: int
    forbidden: Mapping[str, int]
    taken_ms: int
    limited: int


def read(store: Store, destinations: Iterable[str], sources: Iterable[str] = ()) -> Ledger:
    """Return the ledger of the destinations and sources.

    Raises:
        StoreUnavailable: Redis is away.
    """
    places = [(name, lane) for name in destinations for lane in lanes.OF_DESTINATION]
    places += [(name, lane) for name in sources for lane in lanes.OF_SOURCE]
    asked = [part for owner, lane in places for part in (lanes.prefix(owner), lane)]
    time, workers, left_alone, limited, *answers = store.run("ledger", forbidden.KEY, _LIMITED, *asked)
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    found = {place: _numbers(place[1], now_ms, *answer) for place, answer in zip(places, answers, strict=True)}
    alive = sum(1 for seen_ms in workers[1::2] if now_ms - float(seen_ms) < _ALIVE_MS)
    reasons = {reason.decode(): int(n) for reason, n in _pairs(left_alone).items()}
    return Ledger(found, alive, reasons, now_ms, int(limited or 0))


def add_limited(store: Store, number: int) -> None:
    """Add to the failed attempts that were over an address's limit.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.incrby(_LIMITED, number)


def _numbers(
    lane: str,
    now_ms: int,
    counts: list[bytes],
    pending: int,
    claimed: int,
    rests_as: list[bytes],
) -> LaneNumbers:
    mine = {
        name.decode().removeprefix(f"{lane}:"): int(number)
        for name, number in _pairs(counts).items()
        if name.startswith(f"{lane}:".encode())
    }
    rest = _pairs(rests_as)
    until_ms = int(rest.get(b"until_ms", 0))
    rests = until_ms > now_ms
    stored_ms = mine.get("oldest_ms", now_ms) if pending else now_ms
    return LaneNumbers(
        received=mine.get("received", 0),
        delivered=mine.get("delivered", 0),
        filtered=_below("filtered:", mine),
        noted=_below("noted:", mine),
        duplicate=mine.get("duplicate", 0),
        pending=pending,
        in_flight=claimed,
        dead=mine.get("dead", 0),
        oldest_seconds=max(0, now_ms - stored_ms) / 1000,
        resting_until_ms=until_ms if rests else None,
        resting_reason=rest[b"reason"].decode() if rests else None,
        resting_detail=rest[b"detail"].decode() if rests else None,
        refusals=int(rest.get(b"refusals", 0)),
    )


def _pairs(told: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(told[::2], told[1::2], strict=True))


def _below(prefix: str, numbers: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in numbers.items() if name.startswith(prefix)}
