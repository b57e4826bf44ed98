"""Long requests take turns, and let the short ones go first."""

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

import gevent
from gevent.lock import BoundedSemaphore

from split_dest.errors import RequestRefused
from split_dest.web import fairness
from split_dest.web.body import Body

T = TypeVar("T")
#: A request of more messages is long: they take more than some milliseconds.
_MANY_MESSAGES = 50
#: How long a long request waits for its turn: Segment's senders have given up by then.
_MOST_WAIT_SECONDS = 10.0
_BUSY = 503
#: How long a long request waits for short ones before it goes on, and how often it looks.
_PATIENCE_SECONDS, _LOOK_SECONDS = 0.02, 0.001


class Turns:
    """Lets few long requests of a kind of sender be worked on at a time.

    Senders with a secret have their own, so that they never queue behind strangers. The others wait outside of
    memory, and Redis has no more long steps to do than turns are given.

    Args:
        at_once: how many long requests are worked on; of two one computes while Redis stores the other.
        first: those whose short requests go first as well.
    """

    def __init__(self, at_once: int, *first: "Turns") -> None:
        self.long = BoundedSemaphore(at_once)
        self._short = 0
        self._first = (self, *first)

    def begin(self) -> "Turn":
        """Return the turn of a request, for the time when it is at work: a short one until it says otherwise."""
        return Turn(self)

    def note_short(self, number: int) -> None:
        """Count a short request that begins (1) or ends (-1)."""
        self._short += number

    def wait_for_short(self) -> None:
        """Wait until no short request is under way, or for a moment."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while any(turns._short for turns in self._first) and time.monotonic() < ends:
            gevent.sleep(_LOOK_SECONDS)
        fairness.begin_slice()


class Turn:
    """The time when one request is at work."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._is_long = False

    def __enter__(self) -> "Turn":
        self._turns.note_short(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._is_long:
            self._turns.long.release()
        else:
            self._turns.note_short(-1)

    def _take(self) -> None:
        """Wait for the turn of a long request; between two of them the short ones go on.

        Raises:
            RequestRefused: 503 ``busy``: too many wait already.
        """
        if self._is_long:
            return
        self._turns.note_short(-1)
        self._is_long = self._turns.long.acquire(timeout=_MOST_WAIT_SECONDS)
        if not self._is_long:
            self._turns.note_short(1)
            raise RequestRefused(_BUSY, "busy")
        fairness.give_way()
        self._turns.wait_for_short()

    def read(self, body: Body) -> bytes:
        """Return a body's text, inflated; a large one waits for its turn in its file.

        Raises:
            RequestRefused: the body can't be inflated, or ``busy``.
        """
        if body.is_large:
            self._take()
        return body.text()

    def share(self, messages: Iterable[T], number: int) -> Iterator[T]:
        """Yield the messages of a request, of which the *number* is known; many of them wait for their turn.

        Raises:
            RequestRefused: ``busy``.
        """
        if number > _MANY_MESSAGES:
            self._take()
        return self.paced(messages)

    def paced(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, and let other requests go on between them."""
        for item in items:
            yield item
            if fairness.give_way() and self._is_long:
                self._turns.wait_for_short()
