"""The worker processes of one machine: started, restarted when they die, replaced and ended."""

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
#: Heroku and Kubernetes kill after 30 seconds, and our documents promise 25; a last call to Split fits into it.
_STOP_SECONDS = 24.0
#: A worker that dies at once must not be restarted in a tight loop.
_RESTART_SECONDS = 1.0


def work(parent: int, settings: Settings) -> None:
    """Work until a signal stops it, in a separate process; see ``worker.run``."""
    # Imported here, in the new process: the supervisor needs none of it, and should not wait for the import.
    from split_dest.inbox.store import name_rq

    name_rq(settings.redis.prefix)
    from workers import worker

    worker.run(parent, settings)


@dataclass(slots=True)
class WorkerProcess:
    """A worker process, its settings, and, once it was asked to end, the time by which it must have ended."""

    process: BaseProcess
    settings: Settings
    deadline: float | None = None

    def ask_to_end(self) -> None:
        """Ask it to finish its drain and end."""
        self.deadline = time.monotonic() + _STOP_SECONDS
        self.process.terminate()

    def kill_if_late(self) -> None:
        """Kill it if it has not ended by its deadline, which loses nothing."""
        if self.deadline is not None and time.monotonic() >= self.deadline and self.process.is_alive():
            logs.error("worker_killed", pid=self.process.pid)
            self.process.kill()
            self.process.join()


class WorkerPool:
    """The worker processes that the supervisor keeps running."""

    def __init__(self, size: int) -> None:
        # New processes instead of forks: they inherit no thread, lock or connection of the supervisor.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[WorkerProcess] = []
        self._size = size
        self._started = 0.0
        self.stop_requested = False
        self.reload_requested = False

    def wait(self) -> None:
        """Wait until the pool should be looked after again, or stopped."""
        due = time.monotonic() + _LOOK_SECONDS
        while not self.stop_requested and time.monotonic() < due:
            time.sleep(_STEP_SECONDS)

    def fill(self, settings: Settings) -> None:
        """Start the missing processes with these settings."""
        self._workers = [worker for worker in self._workers if self._is_alive(worker)]
        missing = self._size - len(self._workers)
        if self.stop_requested or not missing or time.monotonic() - self._started < _RESTART_SECONDS:
            return
        self._started = time.monotonic()
        # They inherit the blocked signal: sent to the whole process group, SIGHUP is meant for this process alone.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        for _ in range(missing):
            process = self._context.Process(target=work, args=(os.getpid(), settings))
            process.start()
            self._workers.append(WorkerProcess(process, settings))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def replace_outdated(self, settings: Settings) -> None:
        """Ask one process with other settings to end; the next is asked once that one has been replaced."""
        outdated = [worker for worker in self._workers if worker.settings is not settings]
        for worker in outdated:
            worker.kill_if_late()
        if len(self._workers) == self._size and outdated and all(worker.deadline is None for worker in outdated):
            outdated[0].ask_to_end()

    def _is_alive(self, worker: WorkerProcess) -> bool:
        if worker.process.is_alive():
            return True
        if not self.stop_requested and worker.deadline is None:
            logs.error("worker_died", pid=worker.process.pid, exit_code=worker.process.exitcode)
        return False

    def request_stop(self, *_: int | FrameType | None) -> None:
        """Ask the pool to stop; a signal handler, so it only sets an attribute.

        The code that it interrupts may hold a lock, such as that of an Event, and would never release it.
        """
        self.stop_requested = True

    def request_reload(self, *_: int | FrameType | None) -> None:
        """Ask for the settings to be read again; a signal handler like ``request_stop``."""
        self.reload_requested = True

    def end(self) -> None:
        """Ask all processes to finish their drain and end; kill those that have not ended in time."""
        for worker in self._workers:
            if worker.process.is_alive():
                worker.ask_to_end()
        for worker in self._workers:
            worker.process.join(max(0.0, (worker.deadline or 0.0) - time.monotonic()))
            worker.kill_if_late()
