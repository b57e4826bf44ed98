"""What every lane's delivery has in common: its hold, its turn, and the age at which it gives up."""

import faulthandler
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Drain, Entry, Outcome, dead, delivered
from workers.aside import Stand
from workers.runtime import Runtime

#: A message whose mapping takes so long hangs, give or take a second. That is about the lease of a worker that is
#: stuck, so that not all workers hang over the same messages at a time.
_HANGS_SECONDS = 5.0
#: To set the timer takes a millisecond, so it is not set for each message.
_TIMER_SECONDS = 1.0


#: Sends what messages have become to Split or Segment, and settles them.
Calls = Callable[[], None]


class TurnOver(Exception):
    """The drain has worked for its turn: what was claimed is left to the drain that follows."""


class SlotLost(Exception):
    """The lane rests or another drain has the slot: what was claimed is left to the next drain."""


@dataclass(slots=True)
class Delivery:
    """One drain's work: holding which slot, where it stands, and when its turn ends by ``time.monotonic``.

    Up to three batches are at hand: the calls of one are in the air while the next is mapped and one more claimed.
    """

    hold: Drain
    runtime: Runtime
    stand: Stand
    ends: float
    _notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _ahead: Future[list[Entry]] | None = None
    _air: tuple[Sequence[Entry], Future[None]] | None = None

    def claim(self) -> Sequence[Entry]:
        """Gives the next messages; as a rule a thread has claimed them already, while the last ones were mapped.

        Raises:
            StoreUnavailable: Redis is away; what was claimed, the next drain finds.
        """
        ahead, self._ahead = self._ahead, None
        try:
            return self._claim() if ahead is None else ahead.result()
        finally:
            # As in ``land``.
            del ahead

    def _claim(self) -> list[Entry]:
        return self.hold.claim(self.runtime.settings.delivery.batch_max_events)

    def before_call(self) -> None:
        """Makes sure that a call may be sent now.

        Raises:
            SlotLost: it may not.
        """
        wait_replicas = self.runtime.settings.redis.wait_replicas
        if self.runtime.stop.raised or not self.hold.may_call(wait_replicas):
            raise SlotLost

    def mapping(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        """Gives claimed messages, each to be mapped before the next, and vouches for them after the last.

        Meanwhile a thread claims the next ones, unless these are what a dead drain left: until those are settled,
        the same ones would come again.

        A mapping that hangs ends the process, as one that crashes does. The timer is a thread of C, so it ends
        even what never gives Python's lock back.

        Raises:
            TurnOver: names were looked up for so long that another drain stands in front.
            SlotLost: another drain has the slot.
        """
        with self.stand.mapping() as may_map:
            if not may_map:
                raise TurnOver
            if not self.hold.suspect():
                raise SlotLost
            if self._ahead is None and not self.hold.has_left_overs:
                self._ahead = self.runtime.pool.submit(self._claim)
            yield from _timed(entries)
            self.hold.vouch()

    def send_off(self, entries: Sequence[Entry], calls: Calls) -> None:
        """Waits for the calls of the batch before, then lets a thread make these.

        Args:
            entries: the messages that the calls carry, for ``land`` to give up.
            calls: to be made.

        Raises:
            Refused, SlotLost, TurnOver: what the calls before raised.
        """
        self.land()
        self._air = entries, self.runtime.pool.submit(calls)

    def land(self) -> None:
        """Waits for the calls that were sent off.

        Raises:
            Refused, SlotLost, TurnOver: what the calls raised.
        """
        if self._air is not None:
            (entries, calls), self._air = self._air, None
            try:
                calls.result()
            except Refused as refused:
                self.give_up(entries, refused)
                raise
            finally:
                # What was raised leads to this frame: with them it would be a cycle, and keep batches for long.
                del entries, calls

    def wait(self) -> None:
        """Waits until no thread works for this drain, and drops what comes of it."""
        under_way: list[Future[Any]] = [self._ahead] if self._ahead else []
        if self._air:
            under_way.append(self._air[1])
        wait(under_way)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Finishes messages after a call.

        Raises:
            TurnOver: other lanes are to have their turn. Only now, so that each turn brings its lane on: a search
                for one bad record among a thousand can take longer than a turn.
        """
        finished = list(outcomes)
        self.hold.settle(finished)
        if finished and self.turn_is_over:
            raise TurnOver

    @property
    def turn_is_over(self) -> bool:
        """True when other lanes are to have their turn."""
        return time.monotonic() > self.ends

    def note(self, entry_id: str, codes: tuple[str, ...]) -> None:
        """Keeps what was repaired about a message until it is delivered."""
        self._notes[entry_id] = codes

    def delivered(self, entry_id: str) -> Outcome:
        """Gives the outcome of a message that was taken, with what was noted of it."""
        return delivered(entry_id, self._notes.pop(entry_id, ()))

    def give_up(self, entries: Sequence[Entry], refused: Refused) -> None:
        """Sets aside those of the entries that have waited for too long, if Split was at fault for as long."""
        if refused.remedy is not Remedy.WAIT:
            return
        hours = self.runtime.settings.delivery.give_up_hours
        before_ms = self.runtime.store.now_ms() - hours * 3_600_000
        since_ms = self.hold.refused_since_ms()
        if since_ms is None or since_ms > before_ms:
            return
        self.hold.settle(
            dead(entry.id, "gave_up", f"last: {refused.code}, {refused.detail}")
            for entry in entries
            if entry.stored_ms < before_ms
        )


def _timed(entries: Iterable[Entry]) -> Iterator[Entry]:
    timer_set = -math.inf
    try:
        for entry in entries:
            if time.monotonic() > timer_set + _TIMER_SECONDS:
                faulthandler.dump_traceback_later(_HANGS_SECONDS, exit=True)
                timer_set = time.monotonic()
            yield entry
    finally:
        faulthandler.cancel_dump_traceback_later()
