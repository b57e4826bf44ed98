"""A drain that waits long for Split steps aside, so that its worker goes on with the next one meanwhile.

Otherwise one destination whose Split hangs would hold every worker for a timeout, again and again.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

from split_dest import logs

#: So long a call may keep its worker from other lanes.
STEP_ASIDE_SECONDS = 0.25
_LOOK_SECONDS = 0.05


class Stand:
    """Where a drain stands: in front, where alone it may map, or aside, where it ends after the calls at hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._since = 0.0
        self._is_mapping = False
        self.aside = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Notes that a call to Split or Segment is under way until the block ends, maybe beside others."""
        with self._lock:
            self._since = self._since if self._calls else time.monotonic()
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1

    @contextmanager
    def mapping(self) -> Iterator[bool]:
        """Keeps the drain in front until the block ends; gives False if it stands aside, where it may not map."""
        with self._lock:
            self._is_mapping = not self.aside
        try:
            yield self._is_mapping
        finally:
            self._is_mapping = False

    def step_aside(self) -> bool:
        """Puts the drain aside if it has waited for too long; True if so."""
        with self._lock:
            waits = bool(self._calls) and time.monotonic() - self._since > STEP_ASIDE_SECONDS
            self.aside = waits and not self._is_mapping
            return self.aside


def run(pool: ThreadPoolExecutor, drain: Callable[[Stand], None], job_id: str) -> None:
    """Runs a drain until it is done or aside; raises what it raised in front, logs what it raises aside.

    Only the drain in front maps: if its worker dies over a message, no other drain's messages are held to blame.
    """
    stand = Stand()
    work = pool.submit(drain, stand)
    while not wait([work], _LOOK_SECONDS).done:
        if stand.step_aside():
            work.add_done_callback(partial(_log_failure, job_id))
            return
    work.result()


def _log_failure(job_id: str, work: Future[None]) -> None:
    raised = work.exception()
    if raised is not None:
        logs.error("job_failed", cause=raised, job=job_id)
