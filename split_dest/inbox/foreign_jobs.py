"""Jobs in Redis that are not ours: counted by their reason, taken out of RQ's way, and never run."""

from typing import Any

from rq import Queue
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job

from split_dest.inbox.store import Store, reported
from split_dest.inbox.wake import KEPT_SECONDS, QUEUE

#: A hash: reason code -> how many; no destination's key, for whose such a job is nobody knows.
KEY = "sd:forbidden"


def count(store: Store, reason: str) -> None:
    """Count a job that was left alone.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.hincrby(KEY, reason, 1)


def refuse(client: Any, job_id: bytes | str, reason: str) -> None:
    """Count a job that a worker has taken, and take it off RQ's list; it stays for a minute to be looked at."""
    taken = IntermediateQueue(Queue(QUEUE, connection=client).key, client)
    key = job_id if isinstance(job_id, str) else job_id.decode("utf-8", "replace")
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hincrby(KEY, reason, 1)
        pipeline.lrem(taken.key, 1, job_id)
        pipeline.expire(Job.key_for(key), KEPT_SECONDS)
        # A key of another type than it should have must not stop the worker.
        pipeline.execute(raise_on_error=False)
