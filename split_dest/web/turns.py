"""Long requests take turns and let short ones go first."""

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
#: A request of more messages, bytes or brackets is long: it takes more than some milliseconds. Brackets count
#: because parsed ones take 20 times their bytes of memory.
_MAX_MESSAGES, _MAX_BYTES, _MAX_BRACKETS = 50, 16_384, 1000
#: How long a long request waits for its turn. Segment's senders have given up by then.
_MAX_WAIT_SECONDS = 30.0
_BUSY = 503
#: How long a long request waits for short ones after each of its time slices, and how often it looks. Longer, and
#: steady short requests would starve it.
_PATIENCE_SECONDS, _LOOK_SECONDS = 0.004, 0.001


class Turns:
    """Limits how many long requests of one kind of sender are processed at a time.

    Senders with a secret have their own turns, so they never queue behind strangers. Requests wait before they
    are parsed, large ones in files, and Redis gets no more long steps at a time than there are turns.

    Args:
        at_once: how many long requests are processed; with two, one computes while Redis stores the other.
        first: other turns whose short requests go first as well.
    """

    def __init__(self, at_once: int, *first: "Turns") -> None:
        self.long = BoundedSemaphore(at_once)
        self._short = 0
        self._first = (self, *first)

    def begin(self) -> "Turn":
        """Return the turn of a request while it is processed. It counts as short until it proves long."""
        return Turn(self)

    def note_short(self, number: int) -> None:
        """Count a short request that begins (1) or ends (-1)."""
        self._short += number

    def wait_for_short(self) -> None:
        """Wait until no short request is under way, but not for long."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while any(turns._short for turns in self._first) and time.monotonic() < ends:
            gevent.sleep(_LOOK_SECONDS)
        fairness.begin_slice()


class Turn:
    """One request while it is processed."""

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
        """Wait for a long request's turn.

        Raises:
            RequestRefused: 503 ``busy``: too many wait already.
        """
        if self._is_long:
            return
        self._turns.note_short(-1)
        self._is_long = self._turns.long.acquire(timeout=_MAX_WAIT_SECONDS)
        if not self._is_long:
            self._turns.note_short(1)
            raise RequestRefused(_BUSY, "busy")
        fairness.give_way()
        self._turns.wait_for_short()

    def read(self, body: Body) -> bytes:
        """Return a body's text, inflated. A long request waits for its turn, in a file if it is large.

        Raises:
            RequestRefused: the body can't be inflated, or ``busy``.
        """
        if body.is_large:
            self._take()
        text = body.text()
        if len(text) > _MAX_BYTES or text.count(b"{") + text.count(b"[") > _MAX_BRACKETS:
            self._take()
        return text

    def share(self, messages: Iterable[T], number: int) -> Iterator[T]:
        """Yield the messages of a request. If *number*, their count, is high, wait for a turn first.

        Raises:
            RequestRefused: ``busy``.
        """
        if number > _MAX_MESSAGES:
            self._take()
        return self.paced(messages)

    def paced(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and yield to other requests between them."""
        for item in items:
            yield item
            self.pause()

    def pause(self) -> None:
        """Yield to other requests if the time slice is over."""
        if fairness.give_way() and self._is_long:
            self._turns.wait_for_short()
