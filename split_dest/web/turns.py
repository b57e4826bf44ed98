"""Requests of many messages take turns."""

from collections.abc import Iterator
from contextlib import contextmanager

from gevent.lock import BoundedSemaphore

from split_dest.web import fairness
from split_dest.web.body import Body


class LongWork:
    """Lets one long request of a kind of sender be worked on at a time.

    Senders with a secret have one of their own, so that they never queue behind strangers. The others wait outside
    of memory, and Redis has at most one step of each kind to do.
    """

    def __init__(self) -> None:
        self._one = BoundedSemaphore()

    @contextmanager
    def on(self, body: Body) -> Iterator[bytes]:
        """Return a body's text for the block, which is the turn of its request; a short one need not wait for it.

        Raises:
            RequestRefused: the body can't be inflated.
        """
        is_long = body.is_long
        with body, self._one if is_long else fairness.short_request():
            if is_long:
                # Between two long requests the short ones have their turn.
                fairness.give_way()
                fairness.wait_for_short()
            yield body.text()
