"""What every lane's delivery has in common: its destination, its hold, and the age at which it gives up."""

from collections.abc import Sequence
from dataclasses import dataclass

from split_dest.config.settings import Destination
from split_dest.errors import Refused
from split_dest.inbox.drains import Drain, Entry, dead
from split_dest.mapping.rules import Rules
from workers import split_names
from workers.runtime import Runtime


class SlotLost(Exception):
    """The lane rests or another drain has the slot: what was claimed is left to the next drain."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One drain's work: for whom, by which rules, holding which slot."""

    hold: Drain
    runtime: Runtime
    destination: Destination
    rules: Rules

    @classmethod
    def of(cls, hold: Drain, runtime: Runtime) -> "Delivery":
        """Gives the work of a drain that has begun."""
        destination = runtime.settings.destinations[hold.destination]
        rules = split_names.with_traffic_types(destination, hold.destination, runtime)
        return cls(hold, runtime, destination, rules)

    def before_call(self) -> None:
        """Makes sure that a call may be sent now.

        Raises:
            SlotLost: it may not.
        """
        if not self.hold.may_call():
            raise SlotLost

    def give_up(self, entries: Sequence[Entry], refused: Refused) -> None:
        """Sets aside those of the entries that have waited for too long."""
        hours = self.runtime.settings.delivery.give_up_hours
        before_ms = self.runtime.store.now_ms() - hours * 3_600_000
        self.hold.settle(
            dead(entry.id, "gave_up", f"last: {refused.code}, {refused.detail}")
            for entry in entries
            if entry.stored_ms < before_ms
        )
