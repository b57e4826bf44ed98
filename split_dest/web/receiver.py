"""Store what an endpoint has read, wake the lanes, and answer the sender. The same for every endpoint."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import orjson
from flask import Response

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item
from split_dest.web.group_commit import GroupCommit
from split_dest.web.turns import Turns


class Receiver:
    """Stores messages in Redis for all endpoints.

    ``turns`` are for senders with a secret, ``public_turns`` for senders with a public write key.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.turns = Turns(2)
        self.public_turns = Turns(1, self.turns)
        self._group_commit = GroupCommit(store)
        self._options = cache(self._make_options)

    def answer(self, name: str, items: Sequence[Item]) -> Response:
        """Store the items; return the response with how many were accepted, duplicates, and kept as dead letters.

        Raises:
            StoreUnavailable: as ``accept``.
        """
        receipt = self.accept(name, items)
        counts = {
            "success": True,
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "set_aside": receipt.set_aside,
        }
        return Response(orjson.dumps(counts), content_type="application/json")

    def accept(self, name: str, items: Sequence[Item], max_dead: int = intake.ANY_NUMBER) -> Receipt:
        """Store the items for a destination or source and return the receipt.

        Args:
            name: of the destination or source.
            items: to store.
            max_dead: as in ``AcceptOptions``.

        Raises:
            StoreUnavailable: the sender must be told to try again, and nothing else.
        """
        receipt = self._group_commit.accept(items, self._options(name, max_dead))
        if receipt.asleep:
            self._wake(name, receipt)
        if receipt.set_aside:
            logs.often("set_aside", destination=name, reasons=Counter(i.reason for i in items if i.reason))
        return receipt

    def _make_options(self, name: str, max_dead: int) -> AcceptOptions:
        return AcceptOptions(
            name, self._settings.intake.dedupe_hours, self._settings.redis.wait_replicas, max_dead
        )

    def _wake(self, name: str, receipt: Receipt) -> None:
        try:
            wake(self._store, name, sorted(receipt.asleep))
        except StoreUnavailable as error:
            logs.often("not_woken", destination=name, detail=error.detail)
