"""Refused requests, counted by destination or source and reason code: the operator sees who can't get in."""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import gevent
from flask import g, request

from split_dest import logs
from split_dest.errors import StoreUnavailable
from split_dest.inbox import ledger
from split_dest.inbox.store import Store

_FLUSH_SECONDS = 1.0
_LINE_SECONDS = 60.0


class Refusals:
    """Counts refused requests, and attempts over a limit, in this process, and adds them to Redis once a second.

    However many requests are refused, a count is all that each of them costs. There are as many counts as names in
    the settings times reason codes, for what a stranger writes is never a name. What ends the process flushes.

    Args:
        store: where they are added up for all processes.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._unwritten: Counter[tuple[str, str]] = Counter()
        self._unlogged: Counter[tuple[str, str]] = Counter()
        self._logged: dict[tuple[str, str], float] = {}
        self._limited = self._limited_unlogged = 0
        self._is_scheduled = False

    def count(self, owners: Iterable[str], code: str) -> None:
        """Count a refused request of each of the destinations or sources."""
        for owner in owners:
            self._unwritten[owner, code] += 1
            self._unlogged[owner, code] += 1
        self._schedule()

    def count_limited(self) -> None:
        """Count a failed attempt that was over the limit of its address."""
        self._limited += 1
        self._limited_unlogged += 1
        self._schedule()

    def counter(self, names: Collection[str]) -> Callable[[str], None]:
        """Return what counts the current request as refused with a code; *names* are those of the settings."""
        return lambda code: self.count(_owners(names), code)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            gevent.spawn_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Log what was counted and add it to Redis.

        There is a line a minute at most for each owner and code, and one for the attempts over a limit.
        """
        self._is_scheduled = False
        self._log()
        counts, self._unwritten = self._unwritten, Counter()
        limited, self._limited = self._limited, 0
        try:
            ledger.add_refused(self._store, counts)
            counts.clear()
            if limited:
                ledger.add_limited(self._store, limited)
        except StoreUnavailable:
            self._unwritten.update(counts)
            self._limited += limited
            self._schedule()

    def _log(self) -> None:
        if self._limited_unlogged:
            logs.warning("attempts_limited", attempts=self._limited_unlogged)
            self._limited_unlogged = 0
        now = self._clock()
        for place in list(self._unlogged):
            if now >= self._logged.get(place, -math.inf) + _LINE_SECONDS:
                self._logged[place] = now
                logs.warning(
                    "request_refused", destination=place[0], code=place[1], requests=self._unlogged.pop(place)
                )


def _owners(names: Collection[str]) -> Iterable[str]:
    """Return the destinations or sources that the request is for, or the one name of all strangers."""
    name = (request.view_args or {}).get("name", "")
    if name in names:
        return (name,)
    of_write_key: Sequence[str] = g.get("destinations", ())
    return of_write_key or (ledger.NO_OWNER,)
