"""Group commit: requests that arrive together are stored in one step.

A call to Redis costs a web process 160 to 210 µs of CPU, a third of a request, so under load requests share it.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gevent.event import AsyncResult

from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from split_dest.web import fairness

#: A request of more messages or bytes is stored alone: sharing would gain nothing and make others wait.
_MAX_MESSAGES, _MAX_BYTES = 100, 100_000
#: How often the leader looks for more requests before it stores, at most.
_MAX_POLLS = 4


@dataclass(slots=True, eq=False)
class _Waiting:
    """A waiting request. ``outcome`` becomes its receipt, an error, or None if it must lead the next step."""

    items: Sequence[Item]
    outcome: "AsyncResult[Receipt | StoreUnavailable | None]" = field(default_factory=AsyncResult)


@dataclass(slots=True)
class _Group:
    """The requests that may share a step."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    is_led: bool = False


class GroupCommit:
    """Stores the messages of several requests in one step.

    The first request leads: it lets other requests that have arrived begin, stores all their messages, and hands
    out the receipts. Requests that arrive meanwhile wait, and one of them leads the next step.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: defaultdict[AcceptOptions, _Group] = defaultdict(_Group)

    def accept(self, items: Sequence[Item], options: AcceptOptions) -> Receipt:
        """Store the items of one request and return the receipt, as ``intake.accept``.

        Raises:
            StoreUnavailable: as there.
        """
        if len(items) > _MAX_MESSAGES or sum(len(item.text) for item in items) > _MAX_BYTES:
            return intake.accept(self._store, items, options)
        group, mine = self._groups[options], _Waiting(items)
        if not group.is_led:
            return self._lead(group, options, mine)
        group.waiting.append(mine)
        outcome = mine.outcome.get()
        if outcome is None:
            return self._lead(group, options, mine)
        if isinstance(outcome, StoreUnavailable):
            raise StoreUnavailable(outcome.detail, outcome.code) from outcome
        return outcome

    def _lead(self, group: _Group, options: AcceptOptions, mine: _Waiting) -> Receipt:
        """Store the messages of this request and of those that wait; return its receipt."""
        group.is_led, together = True, [mine]
        try:
            self._let_begin(group)
            together += group.waiting
            group.waiting.clear()
            receipts = intake.accept_together(self._store, [request.items for request in together], options)
        except StoreUnavailable as error:
            # A silent Redis takes long to find out: requests that arrived meanwhile fail with it.
            together += group.waiting
            group.waiting.clear()
            _tell(together, error)
            raise
        except BaseException:
            _tell(together, StoreUnavailable("the shared step failed"))
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
        """Let requests that have arrived begin, for as long as each poll finds more of them."""
        for _ in range(_MAX_POLLS):
            before = len(group.waiting)
            fairness.let_poll()
            if len(group.waiting) == before:
                return


def _tell(requests: Sequence[_Waiting], error: StoreUnavailable) -> None:
    for request in requests:
        request.outcome.set(error)
