"""What a sandbox holds while it runs: its keys and faults, Split's workspace, and everything that arrived."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import orjson
from flask import current_app

from split_dest.sandbox.api import Record
from split_dest.sandbox.faults import ActiveFaults
from split_dest.sandbox.workspace import Workspace

KINDS = ("events", "identities", "impressions", "tracks")
MAX_RECORDS_A_KIND = 500_000
MAX_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that the APIs ask for: an SDK key, an Admin API key, a Segment write key."""

    sdk_key: str = "sandbox-sdk-key"
    admin_key: str = "sandbox-admin-key"
    write_key: str = "sandbox-write-key"


class Received:
    """The records and calls that arrived: the newest are kept, all are counted.

    Records are kept encoded: that takes a third of the memory and spares the garbage collector.
    """

    def __init__(self, max_records: int = MAX_RECORDS_A_KIND) -> None:
        self._lock = Lock()
        self._max_records = max_records
        self.clear()

    def clear(self) -> None:
        """Forget records, calls and counts."""
        with self._lock:
            self._records: dict[str, deque[tuple[int, bytes]]] = {
                kind: deque(maxlen=self._max_records) for kind in KINDS
            }
            self._totals: Counter[str] = Counter()
            self._outcomes: dict[str, Counter[str]] = {}
            self._calls: deque[Record] = deque(maxlen=MAX_CALLS)

    def add(self, kind: str, records: Iterable[Record]) -> None:
        """Keep *records*, each with ``receivedAt``: now, in milliseconds."""
        now_ms = time.time_ns() // 1_000_000
        stamped = [(now_ms, _encode({**record, "receivedAt": now_ms})) for record in records]
        with self._lock:
            self._records[kind].extend(stamped)
            self._totals[kind] += len(stamped)

    def add_call(self, api: str, outcome: str, received_ms: int, containing: str | None) -> None:
        """Keep a call that is answered now.

        Args:
            api: the API that was called.
            outcome: an HTTP status, or ``dropped``.
            received_ms: when the call arrived.
            containing: the ``containing`` of the fault that concerned the call, None without one.
        """
        call = {"api": api, "outcome": outcome, "receivedAt": received_ms, "containing": containing}
        with self._lock:
            self._outcomes.setdefault(api, Counter())[outcome] += 1
            self._calls.append({**call, "answeredAt": time.time_ns() // 1_000_000})

    def calls(self) -> list[Record]:
        """Return the newest calls, in the order of their answers; times in milliseconds."""
        with self._lock:
            return list(self._calls)

    def newest(self, kind: str, since_ms: int, limit: int | None) -> list[bytes]:
        """Return the records from *since_ms* on as JSON, newest last, at most the *limit* newest."""
        with self._lock:
            records = list(self._records[kind])
        selected = [record for received_ms, record in records if received_ms >= since_ms]
        return selected if limit is None else selected[max(0, len(selected) - limit) :]

    def counts(self) -> dict[str, Any]:
        """Return how many records of each kind arrived, and the calls by API and outcome."""
        with self._lock:
            calls = {api: dict(outcomes) for api, outcomes in self._outcomes.items()}
            return {**{kind: self._totals[kind] for kind in KINDS}, "calls": calls}


def _encode(record: Record) -> bytes:
    # The bytes that orjson returns hold on to its buffer of 4 KiB (measured with 3.13); a copy does not.
    return bytes(memoryview(orjson.dumps(record)))


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one sandbox holds."""

    keys: Keys
    workspace: Workspace = field(default_factory=Workspace)
    faults: ActiveFaults = field(default_factory=ActiveFaults)
    received: Received = field(default_factory=Received)


def current() -> State:
    """Return the state of the application that serves this request."""
    return cast("State", current_app.extensions["sandbox"])
