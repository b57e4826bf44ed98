"""Connections between two requests, ended when their process stops: gunicorn would wait for each until it kills it."""

import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import gevent

#: Senders that post more often are told by an answer's ``Connection: close`` instead, and lose no request.
_LINGER_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_CONNECTION = "gunicorn.socket"
_idle: "WeakSet[socket.socket]" = WeakSet()


def noting_work(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that notes that its connection is at work."""

    def noted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _idle.discard(environ.get(_CONNECTION))  # type: ignore[arg-type]
        return application(environ, start_response)

    return noted


def note(environ: Mapping[str, Any]) -> None:
    """Note that the answer of a request has left."""
    if _CONNECTION in environ:
        _idle.add(environ[_CONNECTION])


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
