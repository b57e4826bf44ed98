"""What every lane's delivery has in common: its hold, its turn, and the age at which it gives up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from split_dest.errors import Refused
from split_dest.inbox.drains import Drain, Entry, Outcome, dead, delivered
from workers.runtime import Runtime


class TurnOver(Exception):
    """The drain has worked for its turn: what was claimed is left to the drain that follows."""


class SlotLost(Exception):
    """The lane rests or another drain has the slot: what was claimed is left to the next drain."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One drain's work: holding which slot, and when its turn ends by ``time.monotonic``."""

    hold: Drain
    runtime: Runtime
    ends: float
    _notes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def before_call(self) -> None:
        """Makes sure that a call may be sent now.

        Raises:
            SlotLost: it may not.
            TurnOver: other lanes are to have their turn.
        """
        if self.runtime.stop.raised or not self.hold.may_call():
            raise SlotLost
        if time.monotonic() > self.ends:
            raise TurnOver

    def note(self, entry_id: str, codes: tuple[str, ...]) -> None:
        """Keeps what was repaired about a message until it is delivered."""
        if codes:
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
