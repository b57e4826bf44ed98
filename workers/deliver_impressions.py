"""The lane ``impressions``: exposures, as impressions to Split's Events API."""

from collections.abc import Sequence
from functools import partial

from split_dest.inbox.drains import Entry
from split_dest.mapping import to_impressions
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_impressions
from split_dest.outlets.split_impressions import Encoded
from split_dest.segment import message
from workers import bulk
from workers.bulk import Made
from workers.delivery import Calls, Delivery


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> Calls:
    """Maps claimed messages, and gives the calls that carry them as impressions.

    Raises:
        SlotLost: the drain may not go on.
        TurnOver: other lanes are to have their turn.
    """
    rules = delivery.runtime.settings.destinations[delivery.hold.owner].rules
    return bulk.deliver(
        delivery, entries, bulk.to_split(delivery, partial(_made, rules), split_impressions.request)
    )


def _made(rules: Rules, entry: Entry) -> Made[Encoded]:
    mapped = to_impressions(message.restore(entry.text), rules, entry.accepted_ms)
    return Made([split_impressions.encode(each) for each in mapped.impressions], mapped.dropped)
