"""The ledger: every lane's numbers, and what was refused at the endpoints, taken in one moment."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from split_dest.inbox import lanes, owners
from split_dest.inbox.owners import Left
from split_dest.inbox.store import EVERYBODY, Store, reported, stored_number

#: A worker without a sign of life for this long counts as gone.
_ALIVE_MS = 5_000
_LAST_MS = "last_ms"
#: Under it requests count whose destination or source the settings do not name; no name in the settings is a dash.
NO_OWNER = "-"


@dataclass(frozen=True, slots=True)
class LaneNumbers:
    """One lane's numbers; ``received = delivered + filtered + duplicate + pending + dead`` at every moment.

    ``pending`` counts all that is stored and not settled, ``in_flight`` those of it that a drain has claimed.
    ``oldest_seconds`` is the age of the oldest pending message. What begins with ``resting`` is None while the
    lane works; ``resting_words`` are those of Split or Segment. ``refusals`` counts those in a row. ``noted``
    counts, by reason code, what was repaired or left out of messages that are counted elsewhere.
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
    resting_words: str | None
    refusals: int

    @property
    def filtered_total(self) -> int:
        """Return how many messages the settings kept out, whatever the reason."""
        return sum(self.filtered.values())


@dataclass(frozen=True, slots=True)
class RefusedRequests:
    """How many requests were refused for one reason, and when the last one was (ms)."""

    requests: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The numbers of lanes by their owner and name, how many workers live, and Redis's time of it all.

    ``forbidden`` counts, by reason code, jobs that somebody else put into Redis and no worker ran.
    ``limited`` counts failed attempts to get in that were over an address's limit.
    ``refused`` counts refused requests by owner (or ``NO_OWNER``) and reason code.
    ``unlisted`` says what is left of owners that the settings name no more.
    """

    lanes: Mapping[tuple[str, str], LaneNumbers]
    workers: int
    forbidden: Mapping[str, int]
    taken_ms: int
    limited: int
    refused: Mapping[tuple[str, str], RefusedRequests]
    unlisted: Mapping[str, Left]


def read(store: Store, destinations: Iterable[str], sources: Iterable[str] = ()) -> Ledger:
    """Return the ledger of the destinations and sources.

    Raises:
        StoreUnavailable: Redis is away.
    """
    listed = lanes.of(destinations, sources)
    places = [(name, lane) for name, theirs in listed.items() for lane in theirs]
    reply = store.run("ledger", EVERYBODY, *(part for place in places for part in place))
    time, workers, jobs, limited, refused, *of_lanes = reply
    now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
    return Ledger(
        lanes={place: _numbers(place[1], now_ms, *each) for place, each in zip(places, of_lanes, strict=True)},
        workers=sum(1 for seen_ms in workers[1::2] if abs(now_ms - float(seen_ms)) < _ALIVE_MS),
        forbidden={reason: stored_number(n) for reason, n in _pairs(jobs).items()},
        taken_ms=now_ms,
        limited=stored_number(limited),
        refused=_refused(refused, {*listed, NO_OWNER}),
        unlisted=owners.unlisted(store, listed),
    )


def add_limited(store: Store, number: int) -> None:
    """Add to the failed attempts that were over an address's limit.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.incrby(store.key("limited"), number)


def add_refused(store: Store, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to the refused requests, by owner and reason code, in one step.

    Raises:
        StoreUnavailable: Redis is away; they may have been added.
    """
    if counts:
        parts = [part for place, number in counts.items() for part in (" ".join(place), number)]
        store.run("refused", EVERYBODY, *parts)


def _refused(reply: list[bytes], names: Collection[str]) -> dict[tuple[str, str], RefusedRequests]:
    """Return the refused requests of these owners: a removed destination's counts stay in Redis, unseen."""
    fields = {tuple(name.split(" ")): stored_number(value) for name, value in _pairs(reply).items()}
    return {
        (place[0], place[1]): RefusedRequests(number, fields.get((*place, _LAST_MS), 0))
        for place, number in sorted(fields.items())
        if len(place) == 2 and place[0] in names
    }


def _numbers(
    lane: str,
    now_ms: int,
    counts: list[bytes],
    pending: int,
    claimed: int,
    rest_fields: list[bytes],
    rests: int,
) -> LaneNumbers:
    of_lane = {
        name.removeprefix(f"{lane}:"): stored_number(number)
        for name, number in _pairs(counts).items()
        if name.startswith(f"{lane}:")
    }
    rest = _pairs(rest_fields)
    stored_ms = of_lane.get("oldest_ms", now_ms) if pending else now_ms
    return LaneNumbers(
        received=of_lane.get("received", 0),
        delivered=of_lane.get("delivered", 0),
        filtered=_below("filtered:", of_lane),
        noted=_below("noted:", of_lane),
        duplicate=of_lane.get("duplicate", 0),
        pending=pending,
        in_flight=claimed,
        dead=of_lane.get("dead", 0),
        oldest_seconds=max(0, now_ms - stored_ms) / 1000,
        resting_until_ms=stored_number(rest.get("until_ms")) if rests else None,
        resting_reason=rest.get("reason", b"").decode(errors="replace") if rests else None,
        resting_detail=rest.get("detail", b"").decode(errors="replace") if rests else None,
        resting_words=rest.get("words", b"").decode(errors="replace") if rests else None,
        refusals=stored_number(rest.get("refusals")),
    )


def _pairs(reply: list[bytes]) -> dict[str, bytes]:
    names = (name.decode(errors="replace") for name in reply[::2])
    return dict(zip(names, reply[1::2], strict=True))


def _below(prefix: str, numbers: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in numbers.items() if name.startswith(prefix)}
