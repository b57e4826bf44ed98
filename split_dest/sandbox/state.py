"""What the sandbox keeps in memory, for as long as it runs."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import orjson
from flask import current_app

from split_dest.sandbox.catalogue import Catalogue, Environment, TrafficType
from split_dest.sandbox.faults import Faults

KINDS = ("events", "identities", "impressions", "tracks")
KEPT_A_KIND = 500_000
KEPT_CALLS = 10_000

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """What callers must show: an SDK key, an Admin API key, a Segment write key."""

    sdk_key: str = "sandbox-sdk-key"
    admin_key: str = "sandbox-admin-key"
    write_key: str = "sandbox-write-key"


class Received:
    """Every record and call that arrived: the newest records kept, all of them counted.

    Records are kept encoded: a third of the memory, and nothing for the garbage collector to walk through.
    """

    def __init__(self, kept: int = KEPT_A_KIND) -> None:
        self._lock = Lock()
        self._kept = kept
        self.clear()

    def clear(self) -> None:
        """Forget records and counts."""
        with self._lock:
            self._records: dict[str, deque[tuple[int, bytes]]] = {kind: deque(maxlen=self._kept) for kind in KINDS}
            self._totals: Counter[str] = Counter()
            self._calls: dict[str, Counter[str]] = {}
            self._last_calls: deque[Record] = deque(maxlen=KEPT_CALLS)

    def add(self, kind: str, records: Iterable[Record]) -> None:
        """Keep *records*, each with ``receivedAt``: now, in milliseconds."""
        now_ms = time.time_ns() // 1_000_000
        stamped = [(now_ms, _encoded({**record, "receivedAt": now_ms})) for record in records]
        with self._lock:
            self._records[kind].extend(stamped)
            self._totals[kind] += len(stamped)

    def note_call(self, api: str, outcome: str, came_ms: int, concerned: str | None) -> None:
        """Note a call to *api* that ends now with *outcome*: an HTTP status, or ``dropped``.

        Args:
            api: which.
            outcome: of it.
            came_ms: when it began.
            concerned: what the fault that it met looked for, if it met one that looks for anything.
        """
        call = {"api": api, "outcome": outcome, "receivedAt": came_ms, "containing": concerned}
        with self._lock:
            self._calls.setdefault(api, Counter())[outcome] += 1
            self._last_calls.append({**call, "answeredAt": time.time_ns() // 1_000_000})

    def last_calls(self) -> list[Record]:
        """Return the newest calls, in the order of their answers; times in milliseconds."""
        with self._lock:
            return list(self._last_calls)

    def newest(self, kind: str, since_ms: int, limit: int | None) -> list[bytes]:
        """Return the records from *since_ms* on as JSON, newest last, at most the *limit* newest."""
        with self._lock:
            records = list(self._records[kind])
        chosen = [record for received_ms, record in records if received_ms >= since_ms]
        return chosen if limit is None else chosen[max(0, len(chosen) - limit) :]

    def counts(self) -> dict[str, Any]:
        """Return how many records of each kind arrived, and the calls by API and outcome."""
        with self._lock:
            calls = {api: dict(outcomes) for api, outcomes in self._calls.items()}
            return {**{kind: self._totals[kind] for kind in KINDS}, "calls": calls}


def _encoded(record: Record) -> bytes:
    # The bytes that orjson returns hold on to its buffer of 4 KiB (measured with 3.13); a copy does not.
    return bytes(memoryview(orjson.dumps(record)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an identity lives."""

    traffic_type: TrafficType
    environment: Environment


class Identities:
    """The attribute values that stand now, by place and key."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[tuple[Place, str], Record] = {}

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._values.clear()

    def get(self, place: Place, key: str) -> Record | None:
        """Return the values of *key*, None when it is absent."""
        with self._lock:
            return self._values.get((place, key))

    def save(self, place: Place, key: str, values: Record) -> None:
        """Create or overwrite *key*: its former values are gone."""
        with self._lock:
            self._values[place, key] = dict(values)

    def merge(self, place: Place, key: str, values: Record) -> Record | None:
        """Overwrite the given *values* only; return all of them, None when *key* is absent."""
        with self._lock:
            former = self._values.get((place, key))
            if former is None:
                return None
            merged = self._values[place, key] = {**former, **values}
            return merged

    def delete(self, place: Place, key: str) -> bool:
        """Remove *key*; False when it was absent."""
        with self._lock:
            return self._values.pop((place, key), None) is not None


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one sandbox holds."""

    keys: Keys
    received: Received = field(default_factory=Received)
    identities: Identities = field(default_factory=Identities)
    catalogue: Catalogue = field(default_factory=Catalogue)
    faults: Faults = field(default_factory=Faults)


def current() -> State:
    """Return the state of the application that serves this request."""
    return cast("State", current_app.extensions["sandbox"])
