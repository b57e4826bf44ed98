"""gunicorn's settings that do not change from machine to machine; WEB_CONCURRENCY gives the processes.

gunicorn reads this module before any other of ours, and gevent has to patch the standard library first: a process
with a lock that was imported before would hang for ever.

On SIGHUP the master and its worker processes read the settings again. gunicorn's own way, new processes for old
ones, closes idle connections, and a request that is on its way to one of them is lost.
"""

from gevent import monkey

monkey.patch_all()

import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from split_dest import logs
from split_dest.web import app, connections, fairness

worker_class = "gevent"
#: Segment's senders and load balancers keep connections for about a minute. A head has as long to come.
keepalive = 75
#: Heroku and Kubernetes kill after 30 seconds.
graceful_timeout = 20
timeout = 30
#: A pixel's message stands in its address; 8,190 bytes are the most that gunicorn takes.
limit_request_line = 8190
# gunicorn's parser in C, where it is installed, would be taken. It reads some odd requests differently, and the
# endpoints were tried with this one.
http_parser = "python"
# Otherwise gunicorn leaves a socket in the home directory.
control_socket_disable = True
loglevel = "warning"
#: New objects between two searches for cycles, of which a request leaves few.
_OBJECTS = 20_000
#: Settings are read in a thread, which lets requests go on after this long. Each of their calls to the system
#: would wait for Python's own 5 ms.
_SWITCH_SECONDS = 0.0005
#: Then a connection is ended with its answer, so that the next one goes to the process that has least to do: of 32
#: that were opened at once, one of two processes took 31 in three of ten tries.
_REQUESTS_A_CONNECTION = 100
#: By it the master tells its processes to read the settings; gunicorn's workers have no use for it.
_TELL = signal.SIGUSR2
_reading = BoundedSemaphore()


def on_starting(_server: object) -> None:
    """Read the settings before any sender is let in, and log as the rest does."""
    # Until this module takes SIGHUP over, gunicorn would read its own settings anew.
    _mask(signal.SIG_BLOCK)
    app.last_good()
    errors = logging.getLogger("gunicorn.error")
    errors.handlers.clear()
    errors.propagate = True
    errors.addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return False for what any sender can cause at any rate; of a request that is no HTTP nothing is quoted."""
    text = str(record.msg)
    if text.startswith("Invalid request from"):
        logs.often("not_http", error=type(sys.exception()).__name__)
        return False
    if text.startswith("Socket error") and isinstance(sys.exception(), TimeoutError):
        logs.often("answer_not_taken")
        return False
    return logs.due(text) > 0


def when_ready(server: Any) -> None:
    """Take SIGHUP over from gunicorn."""
    # A process is born with its signals put off until it can act on them; before, they would kill it.
    os.register_at_fork(
        before=partial(_mask, signal.SIG_BLOCK), after_in_parent=partial(_mask, signal.SIG_UNBLOCK)
    )
    signal.signal(signal.SIGHUP, lambda *_: gevent.spawn(_hang_up, server))
    _mask(signal.SIG_UNBLOCK)


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGHUP, _TELL})


def _hang_up(server: Any) -> None:
    if app.last_good().read_again():
        logs.info("settings_read")
        server.kill_workers(_TELL)


def post_worker_init(worker: Any) -> None:
    """Let the master change the settings between two requests; one that is being answered keeps its own."""
    # What stays need not be searched for cycles: that held up requests for 40 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    signal.signal(_TELL, lambda *_: gevent.spawn(_read_again, worker))
    # It may be sent to the whole process group.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _mask(signal.SIG_UNBLOCK)
    gevent.spawn(connections.end_when_stopping, lambda: worker.alive)


def _read_again(worker: Any) -> None:
    """Make the application again, in a thread, for a thousand destinations may take two seconds."""
    with _reading:
        application = gevent.get_hub().threadpool.apply(_application_again)
        if application is not None:
            worker.wsgi = application
            logs.info("settings_read")


def _application_again() -> object:
    return app.create() if app.last_good().read_again() else None


def worker_int(worker: Any) -> None:
    """Finish requests upon SIGINT and SIGQUIT as upon SIGTERM: gunicorn would end the process now."""
    gevent.sleep(worker.cfg.graceful_timeout)


def pre_request(_worker: object, request: Any) -> None:
    """Let the processes share the connections of a sender that keeps many."""
    if request.req_number >= _REQUESTS_A_CONNECTION:
        request.force_close()


def post_request(_worker: object, request: Any, environ: Mapping[str, Any], response: Any) -> None:
    """Leave the connection ready for its next request, and let others have their turn."""
    if not connections.make_ready(environ):
        request.force_close()
    elif response.should_close():
        connections.end(environ)
    fairness.give_way()
