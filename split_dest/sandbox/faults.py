"""Faults on demand: how the sandbox shall misbehave, and for how long."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import unquote

import orjson

APIS = ("events", "impressions", "identities", "admin", "tracks", "sdk")
"""What calls are counted under: ``admin`` are the look-ups, ``sdk`` is what else SDKs ask and tell."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as faults look at it."""

    api: str
    target: str
    body: bytes

    def holds(self, text: str) -> bool:
        """Tell whether path or body, as they were sent, hold *text*."""
        return text in self.target or text in unquote(self.target) or text.encode() in self.body

    def keys(self) -> set[str]:
        """Return the keys of the identities in a bulk body; none when it is something else."""
        try:
            items = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return set()
        if not isinstance(items, list):
            return set()
        return {item["key"] for item in items if isinstance(item, dict) and isinstance(item.get("key"), str)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave; `fault_rules.parse` makes it from JSON, where its fields are described."""

    api: str
    status: int | None = None
    retry_after_seconds: int | None = None
    headers: Mapping[str, str] | None = None
    body: str | None = None
    delay_ms: int = 0
    drop: str | None = None
    fail_keys: frozenset[str] = frozenset()
    containing: str | None = None
    times: int | None = None
    seconds: float | None = None

    def concerns(self, call: Call) -> bool:
        """Tell whether *call* is one that this fault is for."""
        return (
            self.api == call.api
            and (self.containing is None or call.holds(self.containing))
            and (not self.fail_keys or not self.fail_keys.isdisjoint(call.keys()))
        )


class _Running:
    def __init__(self, fault: Fault, given: dict[str, Any], now: float) -> None:
        self.fault = fault
        self.given = given
        self.times_left = fault.times
        self.ends_at = None if fault.seconds is None else now + fault.seconds

    def is_over(self, now: float) -> bool:
        return self.times_left == 0 or (self.ends_at is not None and now >= self.ends_at)

    def use(self) -> Fault:
        if self.times_left is not None:
            self.times_left -= 1
        return self.fault

    def shown(self, now: float) -> dict[str, Any]:
        left: dict[str, Any] = {}
        if self.times_left is not None:
            left["times"] = self.times_left
        if self.ends_at is not None:
            left["seconds"] = round(self.ends_at - now, 3)
        return {**self.given, **left}


class Faults:
    """The faults that are active, in order; the first that concerns a call wins."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: list[_Running] = []

    def replace(self, faults: Iterable[tuple[Fault, dict[str, Any]]]) -> None:
        """Let *faults*, each with the JSON it came from, take the place of all others."""
        now = time.monotonic()
        running = [_Running(fault, given, now) for fault, given in faults]
        with self._lock:
            self._running = running

    def take(self, call: Call) -> Fault | None:
        """Return the first fault that concerns *call*, used up by one; None when there is none."""
        with self._lock:
            active = self._active(time.monotonic())
            return next((running.use() for running in active if running.fault.concerns(call)), None)

    def shown(self) -> list[dict[str, Any]]:
        """Return the active faults as they were given, with the ``times`` and ``seconds`` that are left."""
        with self._lock:
            now = time.monotonic()
            return [running.shown(now) for running in self._active(now)]

    def _active(self, now: float) -> list[_Running]:
        self._running = [running for running in self._running if not running.is_over(now)]
        return self._running
