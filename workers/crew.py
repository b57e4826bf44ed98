"""The worker processes of one machine: started, restarted when they die, exchanged and ended."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType

from split_dest import logs
from split_dest.config.settings import Settings

_LOOK_SECONDS = 1.0
_STEP_SECONDS = 0.05
#: Heroku and Kubernetes kill after 30 seconds, and 25 are promised; a last call to Split fits below.
_STOP_SECONDS = 24.0
#: A worker that dies at once must not be started in a tight circle.
_RESTART_SECONDS = 1.0


def work(parent: int, settings: Settings) -> None:
    """Works until told to stop, in a process of its own; see ``worker.run``."""
    # Imported there and not here: who starts workers needs nothing of what they need, and need not wait for it.
    from workers import worker

    worker.run(parent, settings)


@dataclass(slots=True)
class Member:
    """A worker process, the settings that it has, and, if it was asked to end, until when it may work."""

    process: BaseProcess
    settings: Settings
    ends: float | None = None

    def ask_to_end(self) -> None:
        """Asks it to finish its drain and end."""
        self.ends = time.monotonic() + _STOP_SECONDS
        self.process.terminate()

    def kill_if_late(self) -> None:
        """Kills it if it has not ended in time, which loses nothing."""
        if self.ends is not None and time.monotonic() >= self.ends and self.process.is_alive():
            logs.error("worker_killed", pid=self.process.pid)
            self.process.kill()
            self.process.join()


class Crew:
    """The worker processes of this one."""

    def __init__(self, size: int) -> None:
        # Fresh processes instead of forks: no thread, lock or connection of this one goes along.
        self._context = multiprocessing.get_context("spawn")
        self._members: list[Member] = []
        self._size = size
        self._started = 0.0
        self.stopping = False
        self.told_to_read = False

    def pause(self) -> None:
        """Waits until the next look is due or all shall end."""
        due = time.monotonic() + _LOOK_SECONDS
        while not self.stopping and time.monotonic() < due:
            time.sleep(_STEP_SECONDS)

    def fill_up(self, settings: Settings) -> None:
        """Starts what is missing, with these settings."""
        self._members = [member for member in self._members if self._lives(member)]
        missing = self._size - len(self._members)
        if self.stopping or not missing or time.monotonic() - self._started < _RESTART_SECONDS:
            return
        self._started = time.monotonic()
        # They inherit that it is blocked: sent to the whole process group, it is meant for this process alone.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        for _ in range(missing):
            process = self._context.Process(target=work, args=(os.getpid(), settings))
            process.start()
            self._members.append(Member(process, settings))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def exchange(self, settings: Settings) -> None:
        """Asks one that has other settings to end; the next is asked when that one is replaced."""
        others = [member for member in self._members if member.settings is not settings]
        for member in others:
            member.kill_if_late()
        if len(self._members) == self._size and others and all(member.ends is None for member in others):
            others[0].ask_to_end()

    def _lives(self, member: Member) -> bool:
        if member.process.is_alive():
            return True
        if not self.stopping and member.ends is None:
            logs.error("worker_died", pid=member.process.pid, exit_code=member.process.exitcode)
        return False

    def stop(self, *_: int | FrameType | None) -> None:
        """Says that all shall end. As a signal's handler it touches nothing but a flag.

        What it interrupts may hold any lock, such as that of an Event, and would never give it back.
        """
        self.stopping = True

    def read_again(self, *_: int | FrameType | None) -> None:
        """Says that the settings shall be read again; a signal's handler like ``stop``."""
        self.told_to_read = True

    def end(self) -> None:
        """Asks all to finish their drain and end; kills what has not ended in time."""
        for member in self._members:
            if member.process.is_alive():
                member.ask_to_end()
        for member in self._members:
            member.process.join(max(0.0, (member.ends or 0.0) - time.monotonic()))
            member.kill_if_late()
