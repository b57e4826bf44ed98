"""What every door does with the messages it has read: store them, wake their lanes, say what became of them."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import orjson
from flask import Response

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import Receipt, Terms
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item
from split_dest.web.group_commit import GroupCommit
from split_dest.web.turns import Turns


class Accepting:
    """The way from the doors into Redis, one for all of them.

    ``turns`` are those of senders with a secret, ``strangers_turns`` those of senders with a public write key.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.turns = Turns(2)
        self.strangers_turns = Turns(1, self.turns)
        self._group_commit = GroupCommit(store)
        self._terms = cache(self._make_terms)

    def answer(self, name: str, items: Sequence[Item]) -> Response:
        """Accept the items, and return the answer that says what became of how many.

        Raises:
            StoreUnavailable: as ``accept``.
        """
        receipt = self.accept(name, items)
        told = {
            "success": True,
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "set_aside": receipt.set_aside,
        }
        return Response(orjson.dumps(told), mimetype="application/json")

    def accept(self, name: str, items: Sequence[Item], most_dead: int = intake.ANY_NUMBER) -> Receipt:
        """Store the items of the destination or source of this name, and return the receipt; *most_dead* as there.

        Raises:
            StoreUnavailable: nothing may be said to the sender but to try again.
        """
        receipt = self._group_commit.accept(items, self._terms(name, most_dead))
        if receipt.asleep:
            self._wake(name, receipt)
        if receipt.set_aside:
            logs.often("set_aside", destination=name, reasons=Counter(i.reason for i in items if i.reason))
        return receipt

    def _make_terms(self, name: str, most_dead: int) -> Terms:
        return Terms(name, self._settings.intake.dedupe_hours, self._settings.redis.wait_replicas, most_dead)

    def _wake(self, name: str, receipt: Receipt) -> None:
        try:
            wake(self._store, name, sorted(receipt.asleep))
        except StoreUnavailable as error:
            logs.often("not_woken", destination=name, detail=error.detail)
