"""gunicorn's settings and hooks. WEB_CONCURRENCY sets the number of processes.

gunicorn reads this module before any other of ours, and gevent must patch the standard library before it is
imported: a lock that was imported earlier would hang the process.

On SIGHUP the master and its worker processes read the settings again. gunicorn's own reload replaces the
processes and closes idle connections, which loses requests that are on their way.
"""

from gevent import monkey

monkey.patch_all()

import errno
import gc
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from split_dest import logs
from split_dest.web import app, connections, fairness

worker_class = "gevent"
#: Segment and load balancers keep connections for about a minute. This also bounds how long a head may take.
keepalive = 75
#: Heroku and Kubernetes kill after 30 seconds.
graceful_timeout = 20
timeout = 30
#: A pixel's message is in its URL; gunicorn takes at most 8,190 bytes.
limit_request_line = 8190
# The C parser, if installed, reads some odd requests differently; the endpoints are tested with this one.
http_parser = "python"
# The control socket would be left in the home directory.
control_socket_disable = True
loglevel = "warning"
#: New objects between two runs of the garbage collector. Requests leave few cycles.
_OBJECTS = 20_000
#: How long a thread that reads settings may hold the interpreter lock. With Python's default of 5 ms each system
#: call of a request would wait that long.
_SWITCH_SECONDS = 0.0005
#: A connection ends with this request, so that its successor goes to the process that is least busy: of 32
#: connections that were opened at once, one of two processes took 31 in three of ten tries.
_REQUESTS_A_CONNECTION = 100
#: gunicorn itself ends an idle connection after ``keepalive``.
_LATER_SECONDS = 5
#: The master's signal to its processes to read the settings again; gunicorn's workers don't use it.
_TELL = signal.SIGUSR2
#: gunicorn tries five times to listen, with up to three lines a try; "connection to" says why it failed.
_CANT_LISTEN = ("connection to", "Connection in use", "Invalid address", "Can't connect to")
_IN_USE = re.compile(rf"connection to .* (\d+)\) failed: .*{os.strerror(errno.EADDRINUSE)}")
_reading = BoundedSemaphore()


def on_starting(_server: object) -> None:
    """Read the settings before the first connection, and log as JSON."""
    # Until this module handles SIGHUP, gunicorn would reload itself.
    _mask(signal.SIG_BLOCK)
    app.reloadable_settings()
    errors = logging.getLogger("gunicorn.error")
    errors.handlers.clear()
    errors.propagate = True
    errors.addFilter(partial(_is_worth_a_line, os.getpid()))


def _is_worth_a_line(master: int, record: logging.LogRecord) -> bool:
    """Rate-limit the lines that a sender can cause, and quote nothing of a request that is not HTTP."""
    if os.getpid() == master:
        # It sees no request, so what it fills into its lines can quote none.
        record.msg, record.args = record.getMessage(), ()
    text = str(record.msg)
    if text.startswith(_CANT_LISTEN):
        if text.startswith(_CANT_LISTEN[0]):
            _not_listening(text)
        return False
    if text.startswith("Invalid request from"):
        logs.often("not_http", error=type(sys.exception()).__name__)
        return False
    if text.startswith("Socket error") and isinstance(sys.exception(), TimeoutError):
        logs.often("answer_not_taken")
        return False
    return logs.due(text) > 0


@cache
def _not_listening(text: str) -> None:
    """Log once why gunicorn can't listen."""
    in_use = _IN_USE.match(text)
    logs.error("not_listening", detail=f"Port {in_use[1]} is in use (HOST, PORT)" if in_use else text)


def when_ready(server: Any) -> None:
    """Handle SIGHUP instead of gunicorn."""
    # A new process blocks these signals until it handles them; before that they would kill it.
    os.register_at_fork(
        before=partial(_mask, signal.SIG_BLOCK), after_in_parent=partial(_mask, signal.SIG_UNBLOCK)
    )
    signal.signal(signal.SIGHUP, lambda *_: gevent.spawn(_hang_up, server))
    logs.info("listening", addresses=[str(listener) for listener in server.LISTENERS])
    _mask(signal.SIG_UNBLOCK)


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGHUP, _TELL})


def _hang_up(server: Any) -> None:
    if app.reloadable_settings().read_again():
        logs.info("settings_read")
        server.kill_workers(_TELL)


def post_worker_init(worker: Any) -> None:
    """Prepare the process: garbage collection, and reading the settings again on a signal."""
    # Objects that stay need no garbage collection; it blocked requests for 40 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    signal.signal(_TELL, lambda *_: gevent.spawn(_read_again, worker))
    # The terminal or systemd may send it to the whole process group.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _mask(signal.SIG_UNBLOCK)
    gevent.spawn(connections.end_when_stopping, lambda: worker.alive)
    gevent.spawn(app.warn_of_others)


def _read_again(worker: Any) -> None:
    """Replace the application between two requests. Built in a thread: 1,000 destinations take two seconds."""
    with _reading:
        former = app.reloadable_settings().settings.redis
        application = gevent.get_hub().threadpool.apply(_application_again)
        if application is not None:
            worker.wsgi = application
            logs.info("settings_read")
            app.leave_redis(former)
            gevent.spawn(app.warn_of_others)


def _application_again() -> object:
    return app.create() if app.reloadable_settings().read_again() else None


def worker_int(worker: Any) -> None:
    """Finish requests on SIGINT and SIGQUIT as on SIGTERM; gunicorn would end the process at once."""
    gevent.sleep(worker.cfg.graceful_timeout)


def worker_exit(_server: object, worker: Any) -> None:
    """Write down what was refused in the last second."""
    if worker.booted:
        worker.wsgi.extensions["refusals"].flush()


def pre_request(_worker: object, request: Any) -> None:
    """Spread the connections of a sender that keeps many over the processes."""
    if request.req_number >= _REQUESTS_A_CONNECTION:
        request.force_close()


def post_request(worker: Any, request: Any, environ: Mapping[str, Any], response: Any) -> None:
    """Prepare the connection for its next request, and yield to others."""
    if not connections.make_ready(environ, worker.cfg.keepalive + _LATER_SECONDS):
        request.force_close()
    elif response.should_close():
        connections.end(environ)
    fairness.give_way()
