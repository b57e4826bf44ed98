"""The watchdog finds lanes whose messages nobody drains, for whatever reason, and wakes them.

Its module holds all that the supervisor needs Redis for, so that the workers start before that is imported.
"""

from split_dest import logs
from split_dest.config import fingerprints
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import deployment, lanes, owners, redis_checks, store
from split_dest.inbox.deployment import Announcement
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake


class Watchdog:
    """Looks at every lane each second; of all supervisors with the same settings, one at a time."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._lanes = lanes.of(settings.destinations, settings.sources)
        self._deployment = ""
        self._announcement: Announcement | None = None
        self._is_blind = False

    def look(self) -> int:
        """Wake what needs it; return how many drains that were, 0 while Redis is away."""
        try:
            woken = self._look()
        except StoreUnavailable as error:
            if not self._is_blind:
                logs.error("redis_unavailable", detail=error.detail)
            self._is_blind = True
            return 0
        self._is_blind = False
        return woken

    def _look(self) -> int:
        announcement = self._announced()
        # Settings differ during a deployment, and a watchdog that knows fewer lanes must not replace the others.
        if not self._store.my_turn_to_watch(announcement.name):
            return 0
        for differences in announcement.say():
            logs.warning("deployment_differs", **differences.named)
        return sum(wake(self._store, owner, theirs) for owner, theirs in self._lanes.items())

    def _announced(self) -> Announcement:
        """Return what to say of the settings, by the deployment's id: a Redis that was emptied gets it back."""
        if self._announcement is None:
            self._look_around()
        deployed = deployment.begin(self._store, self._deployment)
        if self._announcement is None or deployed != self._deployment:
            self._deployment = deployed
            self._announcement = Announcement(self._store, fingerprints.of(self._settings, deployed))
        return self._announcement

    def _look_around(self) -> None:
        """Log what is wrong with this Redis, and what it has of lanes that nobody delivers."""
        for good, text in redis_checks.findings(self._store):
            if not good:
                logs.error("redis_unfit", detail=text)
        for owner, left in owners.unlisted(self._store, self._lanes).items():
            logs.warning("owner_unlisted", destination=owner, pending=left.pending, dead=left.dead)


def watchdog_for(settings: Settings) -> Watchdog:
    """Return the watchdog of all lanes in the settings."""
    client = store.connect(settings.redis.url, settings.redis.data_dir)
    return Watchdog(Store(client, settings.redis.prefix), settings)
