"""gunicorn's settings that do not change from machine to machine; WEB_CONCURRENCY gives the processes.

On SIGHUP the master and its worker processes read the settings again. gunicorn's own way, new processes for old
ones, closes idle connections, and a request that is on its way to one of them is lost.
"""

import gc
import os
import queue
import signal
from functools import partial
from typing import Any

from gunicorn import glogging  # type: ignore[import-untyped]

from split_dest.web import create_app, last_good


class Logger(glogging.Logger):  # type: ignore[misc]
    """gunicorn's logger without its access log, whose every line it would prepare, then drop."""

    access_log_enabled = False


worker_class = "split_dest.web.server.DoorWorker"
logger_class = Logger
#: Segment's senders and load balancers keep connections for about a minute.
keepalive = 75
#: Heroku and Kubernetes kill after 30 seconds.
graceful_timeout = 20
timeout = 30
#: A pixel's message stands in its address; 8,190 bytes are the most that gunicorn takes.
limit_request_line = 8190
# gunicorn's parser in C, where it is installed, would be taken. It reads some odd requests differently, the doors
# were tried with this one, and it shows no gain (docs/speed.md).
http_parser = "python"
# A file would leave before the head of its answer, which is kept for the whole (WholeAnswer).
sendfile = False
# Otherwise gunicorn leaves a socket in the home directory.
control_socket_disable = True
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "split_dest.logs.JsonFormatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": "WARNING"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stdout"], "level": "WARNING", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}
#: New objects between two searches for cycles, of which a request leaves few.
_OBJECTS = 20_000


def on_starting(_server: object) -> None:
    """Reads the settings before anybody is let in."""
    last_good()


def when_ready(server: Any) -> None:
    """Takes SIGHUP over from gunicorn."""
    server.handle_hup = partial(_hang_up, server)


def _hang_up(server: Any) -> None:
    if last_good().read_again():
        server.kill_workers(signal.SIGHUP)


def post_fork(server: Any, _worker: object) -> None:
    """Puts SIGHUP off until the worker process can act on it; now it would be lost, or kill."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # What came since the fork was taken by the master's handler, of which this process has a copy.
    while True:
        try:
            number = server.SIG_QUEUE.get_nowait()
        except queue.Empty:
            return
        if number == signal.SIGHUP:
            os.kill(os.getpid(), number)


def post_worker_init(worker: Any) -> None:
    """Lets SIGHUP change the settings between two requests; one that is being answered keeps its own."""
    # What stays need not be searched for cycles: that held up requests for 40 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    read = partial(_read_again, worker)
    # As gunicorn's own handlers, for one that interrupts may not do more.
    signal.signal(signal.SIGHUP, lambda *_: worker.method_queue.defer(read))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def _read_again(worker: Any) -> None:
    if last_good().read_again():
        worker.wsgi = create_app()
