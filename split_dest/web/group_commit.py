"""Requests that come at the same moment are stored in one step.

A call of Redis costs a web process about as much as the rest of a request, so under load it is shared.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import gevent
from gevent.event import AsyncResult

from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import Receipt, Terms
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item

#: A request of more messages gains nothing by company, and nobody waits for it.
_ALONE = 100


@dataclass(slots=True, eq=False)
class _Request:
    """One that waits. ``outcome`` gets its receipt, or what went wrong, or None: it is to lead the next step."""

    items: Sequence[Item]
    outcome: "AsyncResult[Receipt | StoreUnavailable | None]" = field(default_factory=AsyncResult)


@dataclass(slots=True)
class _Group:
    """The requests whose messages may be stored in one step."""

    waiting: deque[_Request] = field(default_factory=deque)
    is_led: bool = False


class GroupCommit:
    """Stores what has come for a destination at one moment together.

    The first request of a moment leads: it lets the others that are ready begin, stores what all of them hold, and
    hands out the receipts. Those that come meanwhile wait, and one of them leads the next step.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: defaultdict[Terms, _Group] = defaultdict(_Group)

    def accept(self, items: Sequence[Item], terms: Terms) -> Receipt:
        """Store the items of one request and return the receipt, as ``intake.accept``.

        Raises:
            StoreUnavailable: as there.
        """
        if len(items) > _ALONE:
            return intake.accept(self._store, items, terms)
        group, mine = self._groups[terms], _Request(items)
        group.waiting.append(mine)
        outcome = mine.outcome.get() if group.is_led else None
        if outcome is None:
            return self._lead(group, terms)
        if isinstance(outcome, StoreUnavailable):
            raise StoreUnavailable(outcome.detail, outcome.code) from outcome
        return outcome

    def _lead(self, group: _Group, terms: Terms) -> Receipt:
        """Store what waits, and return the receipt of the request that leads, which is the first one."""
        group.is_led, together = True, list[_Request]()
        try:
            # The others that are ready begin.
            gevent.sleep(0)
            together += group.waiting
            group.waiting.clear()
            receipts = intake.accept_together(self._store, [request.items for request in together], terms)
        except StoreUnavailable as error:
            # To find a silent Redis out takes long: those that came meanwhile are told as well.
            together += group.waiting
            group.waiting.clear()
            self._tell(together, error)
            raise
        except BaseException:
            self._tell(together, StoreUnavailable("the step that it was part of failed"))
            raise
        else:
            for request, receipt in zip(together, receipts, strict=True):
                request.outcome.set(receipt)
            return receipts[0]
        finally:
            group.is_led = bool(group.waiting)
            if group.waiting:
                group.waiting[0].outcome.set(None)

    def _tell(self, requests: Sequence[_Request], error: StoreUnavailable) -> None:
        for request in requests:
            request.outcome.set(error)
