"""RQ's job and worker, narrowed: only the drain ever runs, whatever stands in Redis."""

from types import FrameType
from typing import Any

from rq import Queue, SimpleWorker
from rq.job import Job

from split_dest import logs
from split_dest.inbox.wake import DRAIN
from workers.runtime import current

#: The only functions that a job may name; checked before anything is imported.
ALLOWED = frozenset({DRAIN})


class ForbiddenJob(Exception):
    """A job in Redis names a function that is none of ours; somebody else wrote it."""


class DrainJob(Job):
    """A job that runs nothing but the drain: other functions, callbacks and webhooks are left alone."""

    def restore(self, raw_data: Any) -> Any:
        """Reads the job as RQ does, without what could run or call anything else."""
        restored = super().restore(raw_data)
        self.webhooks = []
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        return restored

    @property
    def func(self) -> Any:
        """The function to run.

        Raises:
            ForbiddenJob: it is not on the list.
        """
        if self.func_name not in ALLOWED or self.instance:
            raise ForbiddenJob
        return super().func


class DrainQueue(Queue):
    """The queue whose jobs are drains."""

    job_class = DrainJob


class DrainWorker(SimpleWorker):
    """A worker that runs drains in its own process, so that its connections to Split stay open."""

    job_class = DrainJob
    queue_class = DrainQueue

    def subscribe(self) -> None:
        """Listens to no commands: whoever can write to Redis shall not be able to stop workers or jobs."""

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Ignores a second signal: an aborted call would be sent again, and who can't wait may kill."""

    def handle_warm_shutdown_request(self) -> None:
        """Lets the drain at hand end after its batch, when the worker is told to stop."""
        current().stop.raised = True


def log_failure(job: Job, kind: type[BaseException], raised: BaseException, trace: object) -> bool:
    """Logs a job that raised; gives True, so that RQ goes on with its own handling."""
    del kind, trace
    logs.error("job_failed", cause=raised, job=job.id)
    return True
