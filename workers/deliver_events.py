"""The lane ``events``: to Split's Events API."""

from collections.abc import Sequence
from functools import partial

from split_dest.inbox.drains import Entry
from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_events
from split_dest.segment import message
from workers import bulk, split_names
from workers.bulk import Made
from workers.delivery import Calls, Delivery


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> Calls:
    """Maps claimed messages, and gives the calls that carry them as events.

    Raises:
        SlotLost: the drain may not go on.
        TurnOver: other lanes are to have their turn.
    """
    destination = delivery.runtime.settings.destinations[delivery.hold.owner]
    rules = split_names.with_traffic_types(destination, delivery.hold.owner, delivery.runtime)
    return bulk.deliver(delivery, entries, bulk.to_split(delivery, partial(_made, rules), split_events.request))


def _made(rules: Rules, entry: Entry) -> Made[bytes]:
    mapped = to_split(message.restore(entry.text), rules, entry.accepted_ms)
    return Made([split_events.encode(event) for event in mapped.events], mapped.dropped, mapped.notes)
