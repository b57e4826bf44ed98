"""Requests that come at the same moment are stored in one step.

A call of Redis costs a web process 160 to 210 µs of CPU, a third of a request, so under load it is shared.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gevent.event import AsyncResult

from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import Receipt, Terms
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from split_dest.web import fairness

#: A request of more messages gains nothing by company, and nobody waits for it.
_ALONE = 100
#: A step begins after so many looks for more at the latest.
_MOST_LOOKS = 4


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
        if not group.is_led:
            return self._lead(group, terms, mine)
        group.waiting.append(mine)
        outcome = mine.outcome.get()
        if outcome is None:
            return self._lead(group, terms, mine)
        if isinstance(outcome, StoreUnavailable):
            raise StoreUnavailable(outcome.detail, outcome.code) from outcome
        return outcome

    def _lead(self, group: _Group, terms: Terms, mine: _Request) -> Receipt:
        """Store what this request and those that wait hold, and return its receipt."""
        group.is_led, together = True, [mine]
        try:
            self._let_begin(group)
            together += group.waiting
            group.waiting.clear()
            receipts = intake.accept_together(self._store, [request.items for request in together], terms)
        except StoreUnavailable as error:
            # To find a silent Redis out takes long: those that came meanwhile are told as well.
            together += group.waiting
            group.waiting.clear()
            _tell(together, error)
            raise
        except BaseException:
            _tell(together, StoreUnavailable("the step that it was part of failed"))
            raise
        else:
            for request, receipt in zip(together, receipts, strict=True):
                request.outcome.set(receipt)
            return receipts[0]
        finally:
            group.is_led = bool(group.waiting)
            if group.waiting:
                group.waiting.popleft().outcome.set(None)

    def _let_begin(self, group: _Group) -> None:
        """Let the requests begin that have come, for as long as each look of the loop finds more of them."""
        for _ in range(_MOST_LOOKS):
            before = len(group.waiting)
            fairness.let_poll()
            if len(group.waiting) == before:
                return


def _tell(requests: Sequence[_Request], error: StoreUnavailable) -> None:
    for request in requests:
        request.outcome.set(error)
