"""What the delivery of every lane has in common: claims, mapping, calls, outcomes, and when a drain ends.

A batch goes through ``claim``, ``map_messages`` and ``start_calls``; calls use ``ensure_may_call`` and ``settle``.
"""

import faulthandler
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from split_dest.config.settings import Destination, Source
from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, SlotLease, dead, delivered, filtered
from workers.runtime import Runtime

#: A message whose mapping takes this long hangs, give or take a second. Close to the slot lease, so at most one
#: worker is stuck on the same messages at a time.
_HANGS_SECONDS = 5.0
#: Setting the timer takes a millisecond, so it is not set for each message.
_TIMER_SECONDS = 1.0
#: A call that takes longer moves its drain to the background.
SLOW_CALL_SECONDS = 0.25

Record = TypeVar("Record")
Result = TypeVar("Result")
#: Sends the records of messages to Split or Segment, and settles the messages.
Calls = Callable[[], None]


class TurnOver(Exception):
    """The drain's turn is over: what it has claimed is left to the drain that follows."""


class SlotLost(Exception):
    """The lane is paused or another drain has the slot: what was claimed is left to the next drain."""


@dataclass(slots=True)
class MessageRecords(Generic[Record]):
    """The records that a message becomes, or the reason code why it becomes none; and what is noted about it."""

    records: Sequence[Record]
    dropped: str | None
    notes: tuple[str, ...] = ()


class SlowCallGuard:
    """Moves a drain to the background when its calls take long, so that its worker runs the next one meanwhile.

    Otherwise one destination whose Split hangs would hold every worker for a timeout, again and again. In the
    background a drain finishes its calls and maps no more: only one drain of a process maps at a time, so when the
    process dies over a message, no other drain's messages come under suspicion.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._since = 0.0
        self._is_mapping = False
        self.in_background = False

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Count a call to Split or Segment as under way until the block ends; calls may overlap."""
        with self._lock:
            self._since = self._since if self._calls else time.monotonic()
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    @contextmanager
    def mapping(self) -> Iterator[bool]:
        """Keep the drain in the foreground until the block ends; yield False if it is there no more."""
        with self._lock:
            self._is_mapping = not self.in_background
        try:
            yield self._is_mapping
        finally:
            self._is_mapping = False

    def move_if_slow(self) -> bool:
        """Move the drain to the background if a call takes too long; return whether it is there."""
        with self._lock:
            is_slow = bool(self._calls) and time.monotonic() - self._since > SLOW_CALL_SECONDS
            self.in_background = is_slow and not self._is_mapping
            return self.in_background


@dataclass(slots=True)
class LaneDelivery:
    """One drain's work on its lane, in a turn that ends at ``ends`` by ``time.monotonic``.

    It holds up to three batches: Split answers the calls of one while the next is mapped and one more is claimed.
    """

    lease: SlotLease
    runtime: Runtime
    guard: SlowCallGuard
    ends: float
    _notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _claim_ahead: Future[list[Entry]] | None = None
    _under_way: tuple[Sequence[Entry], Future[None]] | None = None

    @property
    def destination(self) -> Destination:
        """The settings of the lane's destination."""
        return self.runtime.settings.destinations[self.lease.owner]

    @property
    def source(self) -> Source:
        """The settings of the lane's source."""
        return self.runtime.settings.sources[self.lease.owner]

    @property
    def turn_is_over(self) -> bool:
        """Return whether other lanes should have their turn."""
        return time.monotonic() > self.ends

    @property
    def should_end(self) -> bool:
        """Return whether the drain should claim no more."""
        return self.turn_is_over or self.guard.in_background or self.runtime.stop.is_set

    def claim(self) -> Sequence[Entry]:
        """Return the next messages; usually a thread has claimed them already, while the last ones were mapped.

        Raises:
            StoreUnavailable: Redis is away; the next drain finds what was claimed.
        """
        ahead, self._claim_ahead = self._claim_ahead, None
        try:
            return self._claim() if ahead is None else ahead.result()
        finally:
            # As in ``finish_calls``.
            del ahead

    def _claim(self) -> list[Entry]:
        return self.lease.claim(self.runtime.settings.delivery.batch_max_events)

    def map(self, entries: Sequence[Entry], function: Callable[[Entry], Result]) -> list[Result]:
        """Return what a function makes of claimed messages; a crash or hang in it counts against these messages.

        Meanwhile a thread claims the next messages, unless a dead drain left these: until those are settled, the
        same ones would come again.

        Raises:
            TurnOver: the drain is in the background, after names were looked up for long.
            SlotLost: another drain has the slot.
        """
        with self.guard.mapping() as may_map:
            if not may_map:
                raise TurnOver
            if not self.lease.suspect():
                raise SlotLost
            if self._claim_ahead is None and not self.lease.has_left_overs:
                self._claim_ahead = self.runtime.pool.submit(self._claim)
            results = _map_within_time(entries, function)
            self.lease.vouch()
        return results

    def map_messages(
        self, entries: Sequence[Entry], function: Callable[[Entry], MessageRecords[Record]]
    ) -> tuple[list[Outcome], list[tuple[str, Sequence[Record]]]]:
        """Map claimed messages; return the outcomes of the filtered ones, and the records of each of the others.

        Raises:
            SlotLost, TurnOver: as ``map``.
        """
        outcomes, messages = [], []
        for entry, message in zip(entries, self.map(entries, function), strict=True):
            if message.dropped:
                outcomes.append(filtered(entry.id, message.dropped, message.notes))
            else:
                if message.notes:
                    self._notes[entry.id] = message.notes
                messages.append((entry.id, message.records))
        return outcomes, messages

    def ensure_may_call(self) -> None:
        """Make sure that a call may be sent now.

        Raises:
            SlotLost: it may not.
        """
        wait_replicas = self.runtime.settings.redis.wait_replicas
        if self.runtime.stop.is_set or not self.lease.may_call(wait_replicas):
            raise SlotLost

    def start_calls(self, entries: Sequence[Entry], calls: Calls) -> None:
        """Wait for the calls of the batch before, then let a thread make these.

        Args:
            entries: the messages that the calls carry, of which ``finish_calls`` may give some up.
            calls: to be made.

        Raises:
            Refused, SlotLost, TurnOver: what the calls before raised.
        """
        self.finish_calls()
        self._under_way = entries, self.runtime.pool.submit(calls)

    def finish_calls(self) -> None:
        """Wait for the calls that were started.

        Raises:
            Refused, SlotLost, TurnOver: what the calls raised.
        """
        if self._under_way is not None:
            (entries, calls), self._under_way = self._under_way, None
            try:
                calls.result()
            except Refused as refused:
                self.give_up(entries, refused)
                raise
            finally:
                # The exception refers to this frame: with them it would be a cycle, and keep batches for long.
                del entries, calls

    def wait_for_threads(self) -> None:
        """Wait until no thread works for this drain, and ignore the results."""
        futures: list[Future[Any]] = [self._claim_ahead] if self._claim_ahead else []
        if self._under_way:
            futures.append(self._under_way[1])
        wait(futures)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Finish messages after a call.

        Raises:
            TurnOver: other lanes should have their turn. Checked only here, so that each turn makes progress: the
                search for one bad record among a thousand can take longer than a turn.
        """
        finished = list(outcomes)
        self.lease.settle(finished)
        if finished and self.turn_is_over:
            raise TurnOver

    def delivered(self, entry_id: str) -> Outcome:
        """Return the outcome of a message that Split or Segment took, with what was noted about it."""
        return delivered(entry_id, self._notes.pop(entry_id, ()))

    def give_up(self, entries: Sequence[Entry], refused: Refused) -> None:
        """Keep entries as dead letters that have waited for too long, if Split was at fault for as long."""
        if refused.remedy is not Remedy.WAIT:
            return
        hours = self.runtime.settings.delivery.give_up_hours
        now_ms = self.runtime.store.now_ms()
        before_ms = now_ms - hours * 3_600_000
        since_ms = self.lease.refused_since_ms()
        if since_ms is None or since_ms > before_ms:
            return
        self.lease.settle(
            dead(entry.id, "gave_up", f"last: {refused.code}, {refused.detail}", refused.words)
            for entry in entries
            if entry.waits_since_ms(now_ms) < before_ms
        )


def _map_within_time(entries: Iterable[Entry], function: Callable[[Entry], Result]) -> list[Result]:
    """Map, and end the process when one message hangs, as if it had crashed.

    The timer is a C thread, so it fires even if the message never releases Python's lock.
    """
    timer_set = -math.inf
    results = []
    try:
        for entry in entries:
            if time.monotonic() > timer_set + _TIMER_SECONDS:
                faulthandler.dump_traceback_later(_HANGS_SECONDS, exit=True)
                timer_set = time.monotonic()
            results.append(function(entry))
    finally:
        faulthandler.cancel_dump_traceback_later()
    return results
