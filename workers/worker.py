"""One worker process: an RQ worker on one queue, with a heartbeat for itself and its drains."""

import logging
import os
import signal
import sys
import threading

import redis
from rq.serializers import JSONSerializer

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import drains, store
from split_dest.inbox.wake import QUEUE
from workers.job import DrainQueue, DrainWorker, log_failure
from workers.runtime import Runtime, begin

_BEAT_SECONDS = 1.0
#: RQ counts a worker as gone after so long; it also bounds how long a silent Redis goes unnoticed.
_WORKER_TTL_SECONDS = 30


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
    runtime = begin(settings)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(runtime, parent, stop), name="heartbeat", daemon=True)
    heart.start()
    try:
        _worker(runtime).work(logging_level=None)
    except redis.RedisError as error:
        # The supervisor starts another worker, until Redis is back.
        logs.warning("redis_unavailable", detail=type(error).__name__)
    finally:
        runtime.stop.raised = True
        # Those that stand aside end after the call at hand, and keep their holds until then.
        runtime.drains.shutdown()
        stop.set()
        runtime.pool.shutdown(wait=False, cancel_futures=True)


def _worker(runtime: Runtime) -> DrainWorker:
    # RQ waits for jobs in commands that block longer than the timeout of the messages' connection.
    settings = runtime.settings.redis
    client = store.connect(settings.url, settings.data_dir, timeout_seconds=_WORKER_TTL_SECONDS)
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
    while True:
        try:
            drains.beat(runtime.store, runtime.name, list(runtime.running))
        except StoreUnavailable as error:
            logs.warning("heartbeat_missed", detail=error.detail)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            # Told once; what is at work keeps its holds until it ends.
            parent = os.getppid()
        if stop.wait(_BEAT_SECONDS):
            return
