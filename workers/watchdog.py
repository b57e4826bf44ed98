"""The watchdog finds lanes whose messages nobody drains, for whatever reason, and wakes them.

Its module holds all that the supervisor needs Redis for, so that the workers start before that is imported.
"""

import hashlib
from collections.abc import Iterable

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import redis_checks, store
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake


class Watchdog:
    """Looks at every lane each second; of all supervisors with the same settings, one at a time."""

    def __init__(self, store: Store, owners: Iterable[str]) -> None:
        self._store = store
        self._owners = tuple(sorted(owners))
        # Settings differ during a deployment, and a watchdog that knows fewer lanes must not replace the others.
        self._group = hashlib.blake2b(",".join(self._owners).encode(), digest_size=8).hexdigest()
        self._is_blind = False

    def look(self) -> int:
        """Wake what needs it; return how many drains that were. Never raises: it looks again soon."""
        try:
            if not self._store.my_turn_to_watch(self._group):
                return 0
            woken = sum(wake(self._store, owner) for owner in self._owners)
        except StoreUnavailable as error:
            if not self._is_blind:
                logs.error("redis_unavailable", detail=error.detail)
            self._is_blind = True
            return 0
        self._is_blind = False
        return woken


def watchdog_for(settings: Settings) -> Watchdog:
    """Return the watchdog of all lanes in the settings, and log what makes their Redis unsafe."""
    inbox = store.Store(store.connect(settings.redis.url, settings.redis.data_dir))
    try:
        for good, text in redis_checks.findings(inbox):
            if not good:
                logs.error("redis_unfit", detail=text)
    except StoreUnavailable as error:
        logs.warning("redis_unavailable", detail=error.detail)
    return Watchdog(inbox, (*settings.destinations, *settings.sources))
