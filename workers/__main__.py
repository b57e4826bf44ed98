"""``python -m workers``: starts worker processes, restarts those that die, and keeps the watch.

``WORKER_CONCURRENCY`` says how many (2 if absent).
"""

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from types import FrameType

from split_dest import config, logs
from split_dest.errors import SettingsError, StoreUnavailable
from split_dest.inbox import fitness, store
from workers import worker
from workers.watch import Watch

_LOOK_SECONDS = 1.0
_STEP_SECONDS = 0.05
#: Heroku and Kubernetes kill after 30 seconds; a drain's turn and its last call fit well below.
_STOP_SECONDS = 25.0
#: A worker that dies at once must not be started in a tight circle.
_RESTART_SECONDS = 1.0


class Crew:
    """The worker processes of this one."""

    def __init__(self, size: int) -> None:
        # Fresh processes instead of forks: no thread, lock or connection of this one goes along.
        self._context = multiprocessing.get_context("spawn")
        self._members: list[BaseProcess] = []
        self._size = size
        self._started = 0.0
        self.stopping = False

    def pause(self) -> None:
        """Waits until the next look is due or all shall end."""
        due = time.monotonic() + _LOOK_SECONDS
        while not self.stopping and time.monotonic() < due:
            time.sleep(_STEP_SECONDS)

    def fill_up(self) -> None:
        """Starts what is missing."""
        self._members = [member for member in self._members if self._lives(member)]
        missing = self._size - len(self._members)
        if self.stopping or not missing or time.monotonic() - self._started < _RESTART_SECONDS:
            return
        self._started = time.monotonic()
        for _ in range(missing):
            member = self._context.Process(target=worker.run, args=(os.getpid(),))
            member.start()
            self._members.append(member)

    def _lives(self, member: BaseProcess) -> bool:
        if member.is_alive():
            return True
        if not self.stopping:
            logs.error("worker_died", pid=member.pid, exit_code=member.exitcode)
        return False

    def stop(self, *_: int | FrameType | None) -> None:
        """Says that all shall end. As a signal's handler it touches nothing but a flag.

        What it interrupts may hold any lock, such as that of an Event, and would never give it back.
        """
        self.stopping = True

    def end(self) -> None:
        """Asks all to finish their drain and end; kills what has not ended in time, which loses nothing."""
        ends = time.monotonic() + _STOP_SECONDS
        for member in self._members:
            if member.is_alive():
                member.terminate()
        for member in self._members:
            member.join(max(0.0, ends - time.monotonic()))
            if member.is_alive():
                logs.error("worker_killed", pid=member.pid)
                member.kill()
                member.join()


def warn_of(inbox: store.Store) -> None:
    """Logs what this Redis lacks to keep what it is given."""
    try:
        for good, text in fitness.findings(inbox):
            if not good:
                logs.error("redis_unfit", detail=text)
    except StoreUnavailable as error:
        logs.warning("redis_unavailable", detail=error.detail)


def main() -> int:
    """Runs until told to stop; gives the exit code."""
    logs.setup()
    try:
        settings = config.load()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    crew = Crew(config.worker_concurrency())
    signal.signal(signal.SIGTERM, crew.stop)
    signal.signal(signal.SIGINT, crew.stop)
    inbox = store.Store(store.connect(settings.redis.url, settings.redis.data_dir))
    warn_of(inbox)
    watch = Watch(inbox, (*settings.destinations, *settings.sources))
    while not crew.stopping:
        crew.fill_up()
        watch.look()
        crew.pause()
    crew.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
