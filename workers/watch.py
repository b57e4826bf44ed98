"""The watch: finds lanes whose messages nobody drains, whatever was lost on the way, and wakes them."""

import hashlib
from collections.abc import Iterable

from split_dest import logs
from split_dest.errors import StoreUnavailable
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake


class Watch:
    """Looks at every lane each second; of all workers with the same settings one does it at a time."""

    def __init__(self, store: Store, owners: Iterable[str]) -> None:
        self._store = store
        self._owners = tuple(sorted(owners))
        # Settings differ during a deployment, and whoever knows less must not keep the others from looking.
        self._what = hashlib.blake2b(",".join(self._owners).encode(), digest_size=8).hexdigest()
        self._blind = False

    def look(self) -> int:
        """Wakes what needs it; gives how many drains that were. Never raises: it looks again soon."""
        try:
            if not self._store.my_turn_to_watch(self._what):
                return 0
            woken = sum(wake(self._store, owner) for owner in self._owners)
        except StoreUnavailable as error:
            if not self._blind:
                logs.error("redis_unavailable", detail=error.detail)
            self._blind = True
            return 0
        self._blind = False
        return woken
