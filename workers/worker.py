"""One worker process: an RQ worker on one queue, with a heartbeat that renews the leases of its drains."""

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
from workers.runtime import Runtime, start

_BEAT_SECONDS = 1.0
#: How many heartbeats a stopping worker may take to end after its last drain has ended.
_FAREWELL_BEATS = 2
#: How long it waits for Redis to take its sign of life away.
_FAREWELL_SECONDS = 1.0
#: RQ counts a silent worker as gone after this time.
_WORKER_TTL_SECONDS = 30
_PAUSE_SECONDS = 1.0
#: How long a thread keeps Python's lock when another wants it. With Python's own 5 ms, the thread that claims
#: ahead waited for it after each read from its socket, and the mapping waited for the claim: 6 to 10 ms of 40.
_SWITCH_SECONDS = 0.0005
#: mallopt(3): the maximum number of heaps.
_M_ARENA_MAX = -8


def run(parent: int, settings: Settings) -> None:
    """Work until a signal stops it.

    Args:
        parent: the process that started this one; when it is gone, the worker stops as well.
        settings: those of the parent, because the file may have become unusable since.
    """
    logs.setup()
    try:
        _work(parent, settings)
    except Exception as error:  # noqa: BLE001 - multiprocessing would print any error with what it quotes
        logs.error("internal_error", cause=error)
        sys.exit(1)


def _work(parent: int, settings: Settings) -> None:
    # RQ logs a line for every job; log_failure logs the failed ones.
    logging.getLogger("rq").setLevel(logging.CRITICAL)
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
    _share_a_heap()
    runtime = start(settings)
    _collect_seldom()
    sys.setswitchinterval(_SWITCH_SECONDS)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(runtime, parent, stop), name="heartbeat", daemon=True)
    heart.start()
    try:
        _let_rq_work(runtime)
    finally:
        runtime.stop.set()
        # Drains in the background end after their call, and keep their leases until then.
        runtime.drains.shutdown()
        stop.set()
        heart.join(_FAREWELL_SECONDS)
        runtime.pool.shutdown(wait=False, cancel_futures=True)


def _share_a_heap() -> None:
    # Python's lock lets one thread run at a time anyway. With a heap for each thread, glibc's default, the objects
    # that they pass to each other left holes: 61 MB after a large backlog and 55 after a small one, instead of 55
    # and 53.
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _collect_seldom() -> None:
    # Messages hold no cycles. Searching a batch's objects and those of all modules for cycles took a quarter of a
    # worker's time: 46 µs a message, 35 without.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _let_rq_work(runtime: Runtime) -> None:
    """Let RQ work until it ends by itself; start it again when Redis refused a command or was away."""
    settings = runtime.settings.redis
    # RQ waits for jobs in commands that block for as long as the timeout of the runtime's own connections.
    client = store.connect(settings.url, settings.data_dir, timeout_seconds=DrainWorker.connection_timeout)
    while not runtime.stop.is_set:
        try:
            _worker(runtime, client).work(logging_level=None)
            return
        except redis.RedisError as error:
            signal.signal(signal.SIGTERM, runtime.stop.set)
            signal.signal(signal.SIGINT, runtime.stop.set)
            logs.warning("redis_unavailable", detail=type(error).__name__)
            if isinstance(error, redis.OutOfMemoryError):
                _make_room(runtime)
        time.sleep(_PAUSE_SECONDS)


def _make_room(runtime: Runtime) -> None:
    """Empty every lane once without RQ: a full Redis refuses RQ's own writes, and only delivery makes room."""
    settings = runtime.settings
    listed = lanes.of(settings.destinations, settings.sources)
    for owner, lane in ((owner, lane) for owner, theirs in listed.items() for lane in theirs):
        for slot in range(lanes.SLOTS[lane]):
            if not runtime.stop.is_set:
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
            drains.beat(runtime.store, runtime.name, list(runtime.leases))
        except StoreUnavailable as error:
            logs.warning("heartbeat_missed", detail=error.detail)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            # Once is enough: drains keep their leases until they end.
            parent = os.getppid()
        idle_beats = idle_beats + 1 if runtime.stop.is_set and not runtime.leases else 0
        if idle_beats == _FAREWELL_BEATS:
            # Only RQ's clean-up is left. It may wait for a silent Redis or, if the signal came just before RQ
            # asked for a job, for that job; both for longer than a stop may take.
            _leave(runtime)
            os._exit(0)
        if stop.wait(_BEAT_SECONDS):
            _leave(runtime)
            return


def _leave(runtime: Runtime) -> None:
    # Otherwise `status` would count it until it has been silent for some seconds.
    with suppress(StoreUnavailable):
        drains.leave(runtime.store, runtime.name)
