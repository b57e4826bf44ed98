"""Keep-alive connections between two requests.

gunicorn reads an unwanted body for as long as its sender sends, and a stopping process waits for each idle
connection until ``graceful_timeout``. Both are bounded here.
"""

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO, Any
from weakref import WeakSet

import gevent

from split_dest.web import body, fairness

#: Up to this much of an unread body is skipped so that the connection can be kept.
_OVER_BYTES = 65_536
#: How long a sender may go on sending before it reads the response that ends its connection.
_LEAVE_SECONDS = 2.0
#: A sender that posts more often than this gets ``Connection: close`` with a response, and loses no request.
_LINGER_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_CONNECTION = "gunicorn.socket"
_idle: "WeakSet[socket.socket]" = WeakSet()


def noting_work(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that takes its connection off the idle ones."""

    def noted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if connection := environ.get(_CONNECTION):
            _idle.discard(connection)
            # A sender that does not read its responses would hold the connection forever.
            connection.settimeout(body.REQUEST_SECONDS)
        return application(environ, start_response)

    return noted


def make_ready(environ: Mapping[str, Any], idle_seconds: float) -> bool:
    """Prepare a connection for its next request; False if it must end, since more of the last body may come.

    Args:
        environ: of the request before.
        idle_seconds: how long any call on the socket may take meanwhile, ``100 Continue`` included.
    """
    if _CONNECTION not in environ:
        return False
    connection = environ[_CONNECTION]
    received = environ.get(body.RECEIVED)
    if received == body.CUT or not (received or _is_read_over(environ["wsgi.input"])):
        _leave(connection)
        return False
    connection.settimeout(idle_seconds)
    _idle.add(connection)
    return True


def end(environ: Mapping[str, Any]) -> None:
    """End a connection after a response with ``Connection: close``. The sender repeats pipelined requests."""
    _leave(environ[_CONNECTION])


def _is_read_over(rest: IO[bytes]) -> bool:
    # WSGI does not define which errors a body raises.
    with suppress(Exception, gevent.Timeout), gevent.Timeout(_LEAVE_SECONDS):
        return not rest.read(_OVER_BYTES) or not rest.read(1)
    return False


def _leave(connection: socket.socket) -> None:
    """Let a sender read its response: closing with unread bytes makes TCP discard it."""
    with suppress(OSError, gevent.Timeout), gevent.Timeout(_LEAVE_SECONDS):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_OVER_BYTES):
            fairness.give_way()


def end_when_stopping(is_alive: Callable[[], bool]) -> None:
    """Wait until the process should stop, then end connections as they become idle."""
    while is_alive():
        gevent.sleep(_LOOK_SECONDS)
    gevent.sleep(_LINGER_SECONDS)
    while True:
        for connection in list(_idle):
            # A request that has already arrived is still answered.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        gevent.sleep(_LOOK_SECONDS)
