"""Long work gives way, so that what one sender costs all others is bounded.

A web process serves its connections in one thread: whatever computes without waiting holds up everybody else.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import gevent

T = TypeVar("T")
#: How long one request may compute before the others have their turn.
_SLICE_SECONDS = 0.005
#: How long a long request waits for short ones, and how often it looks.
_PATIENCE_SECONDS, _LOOK_SECONDS = 0.02, 0.001
#: A timer that is due when the loop has looked for what came; after no time at all gevent goes on before it looks.
_NEXT_POLL_SECONDS = 1e-9


class _Slice:
    """The time during which one request may compute; ``began`` is of the monotonic clock, in seconds."""

    began = 0.0


#: The short requests that are under way, by their greenlets.
_short: set[object] = set()


@contextmanager
def short_request() -> Iterator[None]:
    """Let long requests wait while this one is under way."""
    me = gevent.getcurrent()
    _short.add(me)
    try:
        yield
    finally:
        _short.discard(me)


def give_way() -> bool:
    """Let the other requests go on if none has given way for some milliseconds; return whether that was so."""
    if time.monotonic() - _Slice.began < _SLICE_SECONDS:
        return False
    _Slice.began = time.monotonic()
    gevent.sleep(_NEXT_POLL_SECONDS)
    _Slice.began = time.monotonic()
    return True


def give_way_to_short() -> None:
    """Give way, and wait for the short requests that are under way."""
    if give_way():
        wait_for_short()


def wait_for_short() -> None:
    """Wait until no short request is under way, or for a moment."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while _short and time.monotonic() < ends:
        gevent.sleep(_LOOK_SECONDS)


def paced(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and let other requests go on between them."""
    pause = give_way if gevent.getcurrent() in _short else give_way_to_short
    for item in items:
        yield item
        pause()
