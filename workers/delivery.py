"""What every lane's delivery has in common: its hold, its turn, and the age at which it gives up."""

import faulthandler
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from split_dest.errors import Refused
from split_dest.inbox.drains import Drain, Entry, Outcome, dead, delivered
from workers.aside import Stand
from workers.runtime import Runtime

#: A message whose mapping takes so long hangs, give or take a second. That is about the lease of a worker that is
#: stuck, so that not all workers hang over the same messages at a time.
_HANGS_SECONDS = 5.0
#: To set the timer takes a millisecond, so it is not set for each message.
_TIMER_SECONDS = 1.0


class TurnOver(Exception):
    """The drain has worked for its turn: what was claimed is left to the drain that follows."""


class SlotLost(Exception):
    """The lane rests or another drain has the slot: what was claimed is left to the next drain."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One drain's work: holding which slot, where it stands, and when its turn ends by ``time.monotonic``."""

    hold: Drain
    runtime: Runtime
    stand: Stand
    ends: float
    _notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

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

        A mapping that hangs ends the process, as one that crashes does. The timer is a thread of C, so it ends
        even what never gives Python's lock back.

        Raises:
            TurnOver: names were looked up for so long that another drain stands in front.
            SlotLost: another drain has the slot.
        """
        if self.stand.aside:
            raise TurnOver
        if not self.hold.suspect():
            raise SlotLost
        timer_set = -math.inf
        try:
            for entry in entries:
                if time.monotonic() > timer_set + _TIMER_SECONDS:
                    faulthandler.dump_traceback_later(_HANGS_SECONDS, exit=True)
                    timer_set = time.monotonic()
                yield entry
        finally:
            faulthandler.cancel_dump_traceback_later()
        self.hold.vouch()

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
