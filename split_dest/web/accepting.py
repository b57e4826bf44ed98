"""What every door does with the messages it has read: store them, wake their lanes, say what became of them."""

from collections import Counter
from collections.abc import Sequence

from flask import Response, jsonify

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import Receipt
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item


def answer(name: str, items: Sequence[Item], settings: Settings, store: Store) -> Response:
    """Accepts the items, and gives the answer that says what became of how many.

    Raises:
        StoreUnavailable: as ``accept``.
    """
    receipt = accept(name, items, settings, store)
    return jsonify(
        success=True,
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        set_aside=receipt.set_aside,
    )


def accept(
    name: str, items: Sequence[Item], settings: Settings, store: Store, most_dead: int = intake.ANY_NUMBER
) -> Receipt:
    """Stores the items of the destination or source of this name, and gives the receipt; *most_dead* as there.

    Raises:
        StoreUnavailable: nothing may be said to the sender but to try again.
    """
    receipt = intake.accept(
        store,
        name,
        items,
        dedupe_hours=settings.intake.dedupe_hours,
        wait_replicas=settings.redis.wait_replicas,
        most_dead=most_dead,
    )
    try:
        wake(store, name, sorted({lane for item in items for lane in item.lanes}))
    except StoreUnavailable as error:
        logs.warning("not_woken", destination=name, detail=error.detail)
    if receipt.set_aside:
        logs.warning("set_aside", destination=name, reasons=Counter(i.reason for i in items if i.reason))
    return receipt
