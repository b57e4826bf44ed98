"""One worker process: an RQ worker on one queue, with a heartbeat for itself and its drains."""

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress

import redis
from rq.serializers import JSONSerializer

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import drains, lanes, store
from split_dest.inbox.wake import QUEUE
from workers.drain import drain
from workers.job import DrainQueue, DrainWorker, log_failure
from workers.runtime import Runtime, begin

_BEAT_SECONDS = 1.0
#: So many heartbeats a worker that was told to stop may take to end, when its drain has ended.
_FAREWELL_BEATS = 2
#: RQ counts a worker as gone after so long.
_WORKER_TTL_SECONDS = 30
_PAUSE_SECONDS = 1.0
#: After so long a thread gives Python's lock to another that wants it. With Python's own 5 ms the thread that
#: claims ahead waited for it after each read from its socket, and the mapping for the claim: 6 to 10 ms of 40.
_SWITCH_SECONDS = 0.0005
#: mallopt(3): how many heaps there may be.
_M_ARENA_MAX = -8


def run(parent: int, settings: Settings) -> None:
    """Works until told to stop.

    Args:
        parent: the process that started this one; when it is gone, the worker stops as well.
        settings: those of the parent, for what stands in the file now may not be usable.
    """
    logs.setup()
    try:
        _work(parent, settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, multiprocessing would print what it quotes
        logs.error("internal_error", cause=error)
        sys.exit(1)


def _work(parent: int, settings: Settings) -> None:
    # RQ's own lines tell of every job; a failed one is told by log_failure.
    logging.getLogger("rq").setLevel(logging.CRITICAL)
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
    _share_a_heap()
    runtime = begin(settings)
    _collect_seldom()
    sys.setswitchinterval(_SWITCH_SECONDS)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(runtime, parent, stop), name="heartbeat", daemon=True)
    heart.start()
    try:
        _let_rq_work(runtime)
    finally:
        runtime.stop.raised = True
        # Those that stand aside end after the call at hand, and keep their holds until then.
        runtime.drains.shutdown()
        stop.set()
        runtime.pool.shutdown(wait=False, cancel_futures=True)


def _share_a_heap() -> None:
    # Its threads take turns anyway. With a heap each, which glibc gives the first of them, what they pass to each
    # other left holes: 61 MB after a large backlog and 55 after a small one, instead of 55 and 53.
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _collect_seldom() -> None:
    # Messages hold no cycles. To look for some among a batch's objects and those of all modules took a fourth of a
    # worker's time: 46 µs a message, 35 without.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _let_rq_work(runtime: Runtime) -> None:
    """Lets RQ work until it ends by itself; it is begun anew when Redis has refused or gone."""
    settings = runtime.settings.redis
    # RQ waits for jobs in commands that block as long as the timeout of the messages' connection.
    client = store.connect(settings.url, settings.data_dir, timeout_seconds=DrainWorker.connection_timeout)
    while not runtime.stop.raised:
        try:
            _worker(runtime, client).work(logging_level=None)
            return
        except redis.RedisError as error:
            signal.signal(signal.SIGTERM, runtime.stop.raise_it)
            signal.signal(signal.SIGINT, runtime.stop.raise_it)
            logs.warning("redis_unavailable", detail=type(error).__name__)
            if isinstance(error, redis.OutOfMemoryError):
                _make_room(runtime)
        time.sleep(_PAUSE_SECONDS)


def _make_room(runtime: Runtime) -> None:
    """Empties every lane once without RQ, whose own writes a full Redis refuses: nobody else could make room."""
    settings = runtime.settings
    places = [(owner, lane) for owner in settings.destinations for lane in lanes.OF_DESTINATION]
    places += [(owner, lane) for owner in settings.sources for lane in lanes.OF_SOURCE]
    for owner, lane in places:
        for slot in range(lanes.SLOTS[lane]):
            if not runtime.stop.raised:
                with suppress(StoreUnavailable):
                    drain(owner, lane, slot)


def _worker(runtime: Runtime, client: redis.Redis) -> DrainWorker:
    queue = DrainQueue(QUEUE, connection=client, serializer=JSONSerializer)
    return DrainWorker(
        [queue],
        name=runtime.name,
        connection=client,
        serializer=JSONSerializer,
        worker_ttl=_WORKER_TTL_SECONDS,
        exception_handlers=[log_failure],
        log_job_description=False,
    )


def _beat(runtime: Runtime, parent: int, stop: threading.Event) -> None:
    idle_beats = 0
    while True:
        try:
            drains.beat(runtime.store, runtime.name, list(runtime.running))
        except StoreUnavailable as error:
            logs.warning("heartbeat_missed", detail=error.detail)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            # Told once; what is at work keeps its holds until it ends.
            parent = os.getppid()
        idle_beats = idle_beats + 1 if runtime.stop.raised and not runtime.running else 0
        if idle_beats == _FAREWELL_BEATS:
            # All is done but RQ's farewell, which may wait for a silent Redis or, if the signal came just before
            # it asked for a job, for that job; both for longer than a stop may take.
            os._exit(0)
        if stop.wait(_BEAT_SECONDS):
            return
