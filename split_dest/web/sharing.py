"""When a process takes new connections, so that all share those of a sender that opens many at once.

With as many as came, the first process took all while another was still waking up, and kept them: a door of two
processes answered half as much then.
"""

import time

#: The more connections a process has, the later it takes the next one, on average: the poller waits for whole
#: milliseconds, and what came late is made good.
_PAUSE_SECONDS = 0.00005
#: From ten connections on. A sender that hangs up after each answer shall be answered as fast as one that stays.
_MOST_PAUSE_SECONDS = 0.0005
#: So many may be taken at once by a process that was busy for longer than its pauses.
TAKEN_AT_ONCE = 8


class Sharing:
    """The pauses that a process makes between new connections."""

    def __init__(self, processes: int) -> None:
        self._is_shared = processes > 1
        self._next = 0.0

    def pause_seconds(self) -> float:
        """Gives for how long new ones are left to other processes; not more than 0: take one."""
        return self._next - time.monotonic()

    def took(self, connections: int) -> None:
        """Begins a pause after one was taken, with which the process has so many."""
        if self._is_shared:
            pause = min(connections * _PAUSE_SECONDS, _MOST_PAUSE_SECONDS)
            self._next = pause + max(self._next, time.monotonic() - TAKEN_AT_ONCE * pause)
