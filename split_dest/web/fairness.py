"""Long work gives way, so that what one sender costs all others is bounded.

A web process serves its connections in one thread: whatever computes without waiting holds up everybody else.
"""

import time

import gevent

#: How long one request may compute before the others have their turn.
_SLICE_SECONDS = 0.002
#: A timer that is due when the loop has looked for what came; after no time at all gevent goes on before it looks.
_NEXT_POLL_SECONDS = 1e-9


class _Slice:
    """The time during which one request may compute; ``began`` is of the monotonic clock, in seconds."""

    began = 0.0


def begin_slice() -> None:
    """Note that a request goes on after others had their turn."""
    _Slice.began = time.monotonic()


def give_way() -> bool:
    """Let the other requests go on if none has given way for some milliseconds; return whether that was so."""
    if time.monotonic() - _Slice.began < _SLICE_SECONDS:
        return False
    begin_slice()
    let_poll()
    begin_slice()
    return True


def let_poll() -> None:
    """Go on when the loop has looked for what has come, and what it found has begun."""
    gevent.sleep(_NEXT_POLL_SECONDS)
