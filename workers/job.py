"""RQ's job, queue and worker, restricted: only the drain ever runs, whatever is written in Redis.

Of a job only the four arguments of the drain are read, as JSON. RQ itself would unpickle, import, call or fetch
what a job names: results, functions, callbacks, webhooks, dependents, repeats.
"""

import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

import orjson
import redis
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import DequeueTimeout, NoSuchJobError
from rq.job import Job, JobStatus
from rq.utils import now

from split_dest import logs
from split_dest.errors import StoreUnavailable
from split_dest.inbox import foreign_jobs, wake
from split_dest.inbox.wake import DRAIN, JOB_TIMEOUT_SECONDS, KEPT_SECONDS, QUEUE
from workers.drain import drain, knows
from workers.runtime import current

_DATA_MAX_BYTES = 1024
_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SLOTS_MAX = 64
#: Fields that our jobs never have, and that RQ would load, call or act upon.
_EXTRAS = (
    "result",
    "meta",
    "webhooks",
    "success_callback_name",
    "failure_callback_name",
    "stopped_callback_name",
    "dependency_id",
    "dependency_ids",
    "retries_left",
    "repeats_left",
    "group_id",
    "rate_limit_key",
)


#: How long a worker waits when it meets a job again that it has left to others, and how many it leaves between two
#: waits: while the workers that know the lanes are busy it must not spin. It takes no other job while it waits.
_LEFT_SECONDS = 0.2
_LEFT_MAX = 50


class ForeignJob(NoSuchJobError):
    """A job in Redis that this service did not write; RQ treats it as absent.

    Args:
        reason: a key of ``REASONS``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DrainJob(Job):
    """A job that can only be a drain."""

    def refresh(self) -> None:
        """Read the arguments of the drain.

        Raises:
            ForeignJob: it is no drain, or more than that; it has been counted and taken off the list.
            NoSuchJobError: it expired before a worker came; the watchdog wakes its lane.
            NoSuchJobError, DequeueTimeout: as ``leave``.
        """
        try:
            data = self._data_of_drain()
            if not data:
                foreign_jobs.unlist(current().store, self.id)
                raise NoSuchJobError
            arguments = _arguments(self.id, data)
        except ForeignJob as foreign:
            refuse(self.id, foreign.reason)
            raise
        if not knows(*arguments[:2]):
            leave(*arguments)
        self.func_name, self.args = DRAIN, arguments
        self.origin, self.description, self._status = QUEUE, "drain", JobStatus.QUEUED
        self.timeout, self.result_ttl, self.failure_ttl = JOB_TIMEOUT_SECONDS, KEPT_SECONDS, KEPT_SECONDS

    def _data_of_drain(self) -> bytes:
        # Sizes first, so that a field that is too large, or should not be there, is never fetched.
        with self.connection.pipeline(transaction=False) as pipeline:
            for field in ("data", *_EXTRAS):
                pipeline.hstrlen(self.key, field)
            size, *extras = pipeline.execute(raise_on_error=False)
        if isinstance(size, redis.ResponseError) or size > _DATA_MAX_BYTES:
            raise ForeignJob("job_unreadable")
        if any(extras):
            raise ForeignJob("job_extras")
        data: Any = self.connection.hget(self.key, "data")
        return data or b""

    def restore(self, raw_data: Any) -> Any:
        """Refuse what RQ has read of a job in its own way.

        Raises:
            ForeignJob: always.
        """
        del raw_data
        raise ForeignJob("job_extras")

    @property
    def func(self) -> Callable[..., None]:
        """The drain, whatever the job says."""
        return drain

    def _handle_failure(self, exc_string: str, *args: Any, **options: Any) -> None:
        """Record in Redis that a job failed, but not the error's text, which may quote a message."""
        del exc_string
        super()._handle_failure("", *args, **options)


def refuse(job_id: bytes | str, reason: str) -> None:
    """Count and log a foreign job."""
    foreign_jobs.refuse(current().store, job_id, reason)
    logs.error("job_forbidden", reason=reason)


def leave(owner: str, lane: str, slot: int, job_id: str) -> NoReturn:
    """Leave a job to a worker whose settings have its lane, as a web process with newer settings has it.

    Raises:
        NoSuchJobError: RQ may take the next job.
        DequeueTimeout: the same, after a while: this job came again, and so nobody else was free to take it.
    """
    logs.often("unknown_lane", destination=owner, lane=lane)
    # While Redis is away nothing is put back; the watchdog of those who know the lane wakes it later.
    with suppress(StoreUnavailable):
        wake.leave(current().store, owner, lane, slot, job_id)
    left = current().left
    if job_id in left or len(left) >= _LEFT_MAX:
        time.sleep(_LEFT_SECONDS)
        left.clear()
        left.add(job_id)
        raise DequeueTimeout
    left.add(job_id)
    raise NoSuchJobError


def _arguments(job_id: str, data: bytes) -> tuple[str, str, int, str]:
    try:
        function, instance, arguments, named = orjson.loads(_inflated(data))
    except (ValueError, TypeError, zlib.error) as error:
        raise ForeignJob("job_unreadable") from error
    if function != DRAIN or instance is not None:
        raise ForeignJob("job_function")
    match arguments, named:
        case [str(owner), str(lane), int(slot), str(own_id)], {**rest} if not rest:
            names_fit = _NAME.fullmatch(owner) and _NAME.fullmatch(lane) and own_id == job_id
            if names_fit and not isinstance(slot, bool) and 0 <= slot < _SLOTS_MAX:
                return owner, lane, slot, own_id
    raise ForeignJob("job_arguments")


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    return inflater.decompress(data, _DATA_MAX_BYTES)


class DrainQueue(Queue):
    """The queue of drains."""

    job_class = DrainJob

    @classmethod
    def lmove(cls, connection: Any, queue_key: str, timeout: int | None) -> Any:
        """Take the next job's id from the list, and refuse values that are no id."""
        while (moved := super().lmove(connection, queue_key, timeout)) and not _ID.fullmatch(moved[1]):
            refuse(moved[1], "job_id_odd")
        return moved

    def move_dependents_to_ready(self, *_: Any, **__: Any) -> dict[str, list[str]]:
        """Return none: a drain has no dependents, and those that Redis names are not read."""
        return {}


class DrainWorker(SimpleWorker):
    """A worker that runs drains in its own process, so that its connections to Split stay open."""

    job_class = DrainJob
    queue_class = DrainQueue
    #: In seconds: how long one command waits for a job, and how long a silent Redis goes unnoticed, such as a
    #: frozen master whose replica was promoted. RQ's own values are 15 and 25.
    dequeue_timeout = 2
    connection_timeout = 5
    #: After a long absence of Redis RQ would wait for up to a minute.
    max_connection_wait_time = 1.0

    def register_birth(self) -> None:
        """Register this worker, even if a full Redis kept its name when RQ ended before."""
        self.connection.delete(self.key)
        super().register_birth()  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        # A stop may have come before there was a handler for it.
        self._stop_requested = current().stop.is_set

    def subscribe(self) -> None:
        """Listen to no commands: write access to Redis must not be enough to stop workers or jobs."""

    def check_for_suspension(self, burst: bool) -> None:
        """Look for no suspension, for the same reason."""

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Note that a job begins; if this worker is killed, it still expires."""
        super().prepare_job_execution(job, remove_from_intermediate_queue)
        self.connection.expire(job.key, JOB_TIMEOUT_SECONDS + KEPT_SECONDS)

    def run_maintenance_tasks(self) -> None:
        """Remove what RQ keeps of jobs that ended. Read and revive no job: the watchdog wakes the lanes."""
        for queue in self.queues:
            ended = (queue.finished_job_registry, queue.failed_job_registry, queue.started_job_registry)
            with self.connection.pipeline(transaction=False) as pipeline:
                for registry in ended:
                    pipeline.zremrangebyscore(registry.key, 0, time.time())
                pipeline.delete(queue.intermediate_queue_key)
                pipeline.execute(raise_on_error=False)
            worker_registration.clean_worker_registry(queue)
        # RQ leaves it untyped.
        self.last_cleaned_at = now()  # type: ignore[assignment]

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Ignore a second signal: an aborted call would be sent again, and SIGKILL is there for the impatient."""

    def set_shutdown_requested_date(self) -> None:
        """Write nothing to Redis: this runs in a signal handler, which must not wait or raise within a call."""

    def handle_warm_shutdown_request(self) -> None:
        """Let the current drain end after its call when the worker is told to stop."""
        current().stop.set()


def log_failure(job: Job, kind: type[BaseException], raised: BaseException, trace: object) -> bool:
    """Log a job that raised; return True, so that RQ goes on with its own handling."""
    del kind, trace
    logs.error("job_failed", cause=raised, job=job.id)
    return True
