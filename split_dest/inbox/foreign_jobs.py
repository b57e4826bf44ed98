"""Jobs in Redis that are not ours: counted by their reason, taken out of RQ's way, and never run."""

from split_dest.inbox.store import Store
from split_dest.inbox.wake import KEPT_SECONDS, waiting_jobs


def refuse(store: Store, job_id: bytes | str, reason: str) -> None:
    """Count a job that a worker has taken, and take it off RQ's list; it stays for a minute to be looked at.

    Raises:
        redis.RedisError: as RQ itself does when Redis is away.
    """
    name = job_id if isinstance(job_id, str) else job_id.decode("utf-8", "replace")
    with store.client.pipeline(transaction=False) as pipeline:
        # Whose such a job is nobody knows.
        pipeline.hincrby(store.key("forbidden"), reason, 1)
        pipeline.lrem(f"{waiting_jobs(store)}:intermediate", 1, job_id)
        pipeline.expire(store.key("rq", "job", name), KEPT_SECONDS)
        # A key of another type than it should have must not stop the worker.
        pipeline.execute(raise_on_error=False)


def unlist(store: Store, job_id: str) -> None:
    """Take off RQ's list a job that a worker has taken and that is not there.

    Raises:
        redis.RedisError: as RQ itself does when Redis is away.
    """
    store.client.lrem(f"{waiting_jobs(store)}:intermediate", 1, job_id)
