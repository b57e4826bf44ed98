"""Waking: an RQ job for each drain that a lane needs and has not."""

import secrets
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from split_dest.errors import StoreUnavailable
from split_dest.inbox import lanes
from split_dest.inbox.store import Store, name_rq, reported

if TYPE_CHECKING:
    import rq

QUEUE = "drains"
#: Named by a string, so that the endpoints need not import the workers.
DRAIN = "workers.drain.drain"
#: The longest that one drain may run: its turn and a last call that times out, with room to spare.
JOB_TIMEOUT_SECONDS = 120
#: What RQ keeps of a job that has ended.
KEPT_SECONDS = 60
#: How long a job may wait for a worker; one that waits longer is not found by it, and the watch makes another.
_FORGOTTEN_MS = 86_400_000


class Pause(NamedTuple):
    """Why a lane is paused, and for how long it still would be."""

    reason: str
    detail: str
    left_ms: int


def wake(store: Store, owner: str, names: Iterable[str] = tuple(lanes.SLOTS)) -> int:
    """Enqueue what the lanes of a destination or source need; return how many drains that were.

    Raises:
        StoreUnavailable: Redis is away. Nothing is lost by it: the watchdog wakes the lanes later.
    """
    slots = [part for name in names for part in (name, lanes.SLOTS[name])]
    batch = secrets.token_hex(8)
    woken = store.run("wake", owner, waiting_jobs(store), lanes.PER_SLOT, lanes.QUEUED_MS, batch, *slots)
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
            store.run("unmark", owner, lane, slot, job_id)
        raise


def _enqueue(store: Store, owner: str, lane: str, slot: int, job_id: str) -> None:
    with reported(), store.client.pipeline() as pipeline:
        _queue(store).enqueue_call(
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
        pipeline.pexpire(store.key("rq", "job", job_id), _FORGOTTEN_MS)
        pipeline.execute()


def resume(store: Store, owner: str, lane: str) -> Pause | None:
    """End the pause of a lane, so that a drain tries a call; return what is ended, None if it is not paused.

    Raises:
        StoreUnavailable: Redis is away.
    """
    ended = store.run("resume", owner, lane)
    if ended is None:
        return None
    wake(store, owner, [lane])
    reason, detail, left_ms = ended
    return Pause(reason.decode(errors="replace"), detail.decode(errors="replace"), int(left_ms))


def leave(store: Store, owner: str, lane: str, slot: int, job_id: str) -> None:
    """Put back a job that a worker has taken and does not know; one that no slot is marked for is removed.

    Raises:
        StoreUnavailable: Redis is away.
    """
    store.run("leave", owner, lane, slot, job_id, waiting_jobs(store), store.key("rq", "job", job_id))


def waiting_jobs(store: Store) -> str:
    """Return the key of RQ's list of the jobs that wait."""
    return store.key("rq", "queue", QUEUE)


def prepare(prefix: str) -> None:
    """Import RQ, so that no request has to wait for it."""
    name_rq(prefix)
    import_module("rq")


def _queue(store: Store) -> "rq.Queue":
    # Imported here, because RQ names its keys when it is imported, and a store must have said how.
    import rq
    from rq.serializers import JSONSerializer

    queue = rq.Queue(QUEUE, connection=store.client, serializer=JSONSerializer)
    if queue.key != waiting_jobs(store):
        raise RuntimeError("RQ was imported with another prefix")
    return queue
