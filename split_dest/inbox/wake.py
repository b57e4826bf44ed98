"""Waking: an RQ job for each drain that a lane needs and has not."""

import secrets
from collections.abc import Iterable

import rq
from rq.job import Job
from rq.serializers import JSONSerializer

from split_dest.errors import StoreUnavailable
from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported

QUEUE = "drains"
#: Named by a string, so that the endpoints need not import the workers.
DRAIN = "workers.drain.drain"
#: The longest that one drain may run: its turn and a last call that times out, with room to spare.
JOB_TIMEOUT_SECONDS = 120
#: What RQ keeps of a job that has ended.
KEPT_SECONDS = 60
#: How long a job may wait for a worker; one that waits longer is not found by it, and the watch makes another.
_FORGOTTEN_MS = 86_400_000


def wake(store: Store, owner: str, names: Iterable[str] = tuple(lanes.SLOTS)) -> int:
    """Enqueue what the lanes of a destination or source need; return how many drains that were.

    Raises:
        StoreUnavailable: Redis is away. Nothing is lost by it: the watchdog wakes the lanes later.
    """
    slots = [part for name in names for part in (name, lanes.SLOTS[name])]
    batch = secrets.token_hex(8)
    woken = store.run("wake", lanes.prefix(owner), lanes.PER_SLOT, lanes.QUEUED_MS, batch, *slots)
    for lane, slot, job_id in woken:
        enqueue(store, owner, lane.decode(), int(slot), job_id.decode())
    return len(woken)


def enqueue(store: Store, owner: str, lane: str, slot: int, job_id: str) -> None:
    """Enqueue one drain, which its caller has marked as queued under the job's id.

    Raises:
        StoreUnavailable: Redis is away, or so full that RQ can't write.
    """
    try:
        _enqueue(store, owner, lane, slot, job_id)
    except StoreUnavailable as error:
        if error.code == "store_full":
            store.run("unmark", lanes.prefix(owner), lane, slot, job_id)
        raise


def _enqueue(store: Store, owner: str, lane: str, slot: int, job_id: str) -> None:
    with reported(), store.client.pipeline() as pipeline:
        rq.Queue(QUEUE, connection=store.client, serializer=JSONSerializer).enqueue_call(
            DRAIN,
            args=(owner, lane, slot, job_id),
            job_id=job_id,
            timeout=JOB_TIMEOUT_SECONDS,
            result_ttl=KEPT_SECONDS,
            failure_ttl=KEPT_SECONDS,
            description="drain",
            pipeline=pipeline,
        )
        # Else the job of a killed worker stays for ever. RQ itself would use a command that web has no right to.
        pipeline.pexpire(Job.key_for(job_id), _FORGOTTEN_MS)
        pipeline.execute()
