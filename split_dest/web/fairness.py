"""Long work gives way, so that what one sender costs all others is bounded.

A web process serves its connections in one thread: whatever computes without waiting holds up everybody else.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import gevent

T = TypeVar("T")
#: How long one request may compute before the others have their turn.
_SLICE_SECONDS = 0.005
#: A timer that is due when the loop has looked for what came; after no time at all gevent goes on before it looks.
_NEXT_POLL_SECONDS = 1e-9


class _Slice:
    """The time during which one request may compute; ``began`` is of the monotonic clock, in seconds."""

    began = 0.0


def give_way() -> None:
    """Let the other requests go on if none has given way for a few milliseconds."""
    if time.monotonic() - _Slice.began > _SLICE_SECONDS:
        _Slice.began = time.monotonic()
        gevent.sleep(_NEXT_POLL_SECONDS)
        _Slice.began = time.monotonic()


def paced(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and let other requests go on between them."""
    for item in items:
        yield item
        give_way()
