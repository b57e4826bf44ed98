"""Connections between two requests: made ready for the next one, or ended.

gunicorn reads a body that the application did not want for as long as its sender sends; and when a process stops,
it waits for each idle connection until it kills it.
"""

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO, Any
from weakref import WeakSet

import gevent

from split_dest.web import body, fairness

#: Less of a body that was not read is read over, so that the connection can stay.
_OVER_BYTES = 65_536
#: So long a sender may go on sending, before it reads an answer that ends its connection.
_LEAVE_SECONDS = 2.0
#: Senders that post more often are told by an answer's ``Connection: close`` instead, and lose no request.
_LINGER_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_CONNECTION = "gunicorn.socket"
_idle: "WeakSet[socket.socket]" = WeakSet()


def noting_work(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that notes that its connection is at work."""

    def noted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if connection := environ.get(_CONNECTION):
            _idle.discard(connection)
            # A sender that takes no answer would hold its place for ever.
            connection.settimeout(body.REQUEST_SECONDS)
        return application(environ, start_response)

    return noted


def make_ready(environ: Mapping[str, Any]) -> bool:
    """Make a connection ready for its next request; False: it must end, for more of the last body may come."""
    if _CONNECTION not in environ:
        return False
    connection = environ[_CONNECTION]
    received = environ.get(body.RECEIVED)
    if received == body.CUT or not (received or _is_read_over(environ["wsgi.input"])):
        _leave(connection)
        return False
    connection.settimeout(None)
    _idle.add(connection)
    return True


def end(environ: Mapping[str, Any]) -> None:
    """End a connection whose sender was told so; requests that it has sent all the same are its to repeat."""
    _leave(environ[_CONNECTION])


def _is_read_over(rest: IO[bytes]) -> bool:
    # WSGI has no name for the errors of a body that can't be read.
    with suppress(Exception, gevent.Timeout), gevent.Timeout(_LEAVE_SECONDS):
        return not rest.read(_OVER_BYTES) or not rest.read(1)
    return False


def _leave(connection: socket.socket) -> None:
    """Let a sender read its answer: to close while bytes wait to be read would take the answer back."""
    with suppress(OSError, gevent.Timeout), gevent.Timeout(_LEAVE_SECONDS):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_OVER_BYTES):
            fairness.give_way()


def end_when_stopping(is_alive: Callable[[], bool]) -> None:
    """Wait until the process is to stop, then end the connections that are idle, or become so."""
    while is_alive():
        gevent.sleep(_LOOK_SECONDS)
    gevent.sleep(_LINGER_SECONDS)
    while True:
        for connection in list(_idle):
            # A request that has come already is still read and answered.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        gevent.sleep(_LOOK_SECONDS)
