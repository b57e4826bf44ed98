"""Requests that come at the same moment are stored in one step."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from split_dest.errors import StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import Receipt, Terms
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item

#: Nobody waits for a request of more messages, and it gains nothing by company.
_ALONE = 100


@dataclass(slots=True, eq=False)
class _Request:
    items: Sequence[Item]
    came: float
    receipt: Receipt | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.receipt is not None or self.error is not None


@dataclass(slots=True)
class _Place:
    turn: Lock = field(default_factory=Lock)
    waiting: deque[_Request] = field(default_factory=deque)


class Gathering:
    """Stores what has come for a destination at one moment together, whether threads wait for it or the loop.

    A call of Redis costs this process about as much as the rest of a request, so under load it is shared.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._failed = -math.inf
        self._places: defaultdict[Terms, _Place] = defaultdict(_Place)

    def accept(self, items: Sequence[Item], terms: Terms, meanwhile: Callable[[], bool] | None = None) -> Receipt:
        """Stores the items and gives the receipt, as ``intake.accept``.

        Args:
            items: of one request.
            terms: as there.
            meanwhile: answers another request that came to this thread, if there is one, and says whether; what is
                accepted for that is stored in the same step.

        Raises:
            StoreUnavailable: as there.
        """
        if len(items) > _ALONE:
            return intake.accept(self._store, items, terms)
        request = _Request(items, time.monotonic())
        with self._lock:
            place = self._places[terms]
        place.waiting.append(request)
        while meanwhile is not None and not request.is_done and meanwhile():
            pass
        with place.turn:
            if not request.is_done:
                self._store_all([place.waiting.popleft() for _ in range(len(place.waiting))], terms)
        if request.receipt is None:
            raise _unavailable(request.error) from request.error
        return request.receipt

    def _store_all(self, requests: Sequence[_Request], terms: Terms) -> None:
        try:
            receipts = self._step(requests, terms)
        except BaseException as error:
            for request in requests:
                request.error = error
            if not isinstance(error, StoreUnavailable):
                raise
        else:
            for request, receipt in zip(requests, receipts, strict=True):
                request.receipt = receipt

    def _step(self, requests: Sequence[_Request], terms: Terms) -> list[Receipt]:
        if requests[-1].came < self._failed:
            # A silent Redis takes long to know, and those who waited for that would find it out once more.
            raise StoreUnavailable("Redis: it failed others meanwhile")
        try:
            return intake.accept_together(self._store, [request.items for request in requests], terms)
        except StoreUnavailable as error:
            if error.code == "store_unavailable":
                self._failed = time.monotonic()
            raise


def _unavailable(error: BaseException | None) -> StoreUnavailable:
    if isinstance(error, StoreUnavailable):
        return StoreUnavailable(error.detail, error.code)
    return StoreUnavailable("the step that it was part of failed")
