"""Long work yields to other requests.

A web process serves all connections in one thread: a request that computes without waiting blocks all others.
"""

import time

import gevent

#: How long one request may compute before the others have their turn.
_SLICE_SECONDS = 0.002
#: With zero seconds gevent would resume before its loop polls the sockets.
_NEXT_POLL_SECONDS = 1e-9


class _Slice:
    """The current time slice; ``began`` is a reading of the monotonic clock, in seconds."""

    began = 0.0


def begin_slice() -> None:
    """Start a new slice."""
    _Slice.began = time.monotonic()


def give_way() -> bool:
    """Yield to the other requests if the slice is over; return whether it was."""
    if time.monotonic() - _Slice.began < _SLICE_SECONDS:
        return False
    begin_slice()
    let_poll()
    begin_slice()
    return True


def let_poll() -> None:
    """Let the loop poll the sockets and start the requests that have arrived."""
    gevent.sleep(_NEXT_POLL_SECONDS)
