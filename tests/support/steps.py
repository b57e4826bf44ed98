"""The steps of a lane's life, as short calls."""

import time
from typing import Any

from split_dest.inbox import drains, intake, ledger, store
from split_dest.inbox.drains import Entry, SlotLease
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item

_TWO_DAYS_SECONDS = 172_800
#: Where the hours of ``at`` begin: ahead of now, because Redis itself removes claims by its own clock.
START_SECONDS = (int(time.time()) // _TWO_DAYS_SECONDS + 1) * _TWO_DAYS_SECONDS


def accept(store: Store, *ids: str, **more: Any) -> Receipt:
    """Store a message for each id."""
    items = [Item(("events",), each, b'{"messageId":"%s"}' % each.encode(), **more) for each in ids]
    return intake.accept(store, items, AcceptOptions("web", 24))


def at(real: Store, hours: float) -> Store:
    """Return the store as accept sees it this many hours after ``START_SECONDS``."""
    then = Store(real.client)
    seconds = START_SECONDS + int(hours * 3600)
    text = store._text("accept").replace("redis.call('TIME')", f"{{ {seconds}, 0 }}")
    then._scripts["accept"] = real.client.register_script(text)
    return then


def accept_at(real: Store, hours: float, message_id: str, dedupe_hours: float) -> bool:
    """Return whether a message is stored at that time, under that window."""
    item = Item(("events",), message_id, b"{}")
    return intake.accept(at(real, hours), [item], AcceptOptions("web", dedupe_hours)).accepted == 1


def take(store: Store, slot: int = 0) -> SlotLease:
    """Take a slot of the events lane."""
    drain = drains.take(store, "web", "events", slot)
    assert drain is not None
    return drain


def begin_mapping(drain: SlotLease, most: int) -> list[Entry]:
    """Claim messages and get as far as their mapping."""
    entries = drain.claim(most)
    assert drain.suspect()
    return entries


def numbers(store: Store) -> ledger.LaneNumbers:
    """Return the numbers of the events lane."""
    return ledger.read(store, ["web"]).lanes["web", "events"]


def balance(store: Store) -> int:
    """Return received minus everything that messages can become; zero while nothing is lost."""
    n = numbers(store)
    return n.received - n.delivered - n.filtered_total - n.duplicate - n.pending - n.dead


def leave_dead(store: Store, drain: SlotLease) -> None:
    """End a drain as kill -9 does: no word, and its hold runs out."""
    store.client.delete(drain.key)
