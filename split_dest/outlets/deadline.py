"""Connections on which a whole answer has to come in time.

A socket's timeout is for each read alone: an answer of a byte a second would never meet it.
"""

import math
import socket
import ssl
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Punctual(socket.socket):
    """A socket from which nothing is read after a moment of ``time.monotonic``."""

    ends = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left_seconds = self.ends - time.monotonic()
        if left_seconds <= 0:
            raise TimeoutError
        self.settimeout(min(left_seconds, self.gettimeout() or left_seconds))
        return super().recv_into(*args, **kwargs)


class _PunctualTls(_Punctual, ssl.SSLSocket):
    """The same under TLS."""


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        timeout_seconds = made.gettimeout()
        punctual = _Punctual(made.family, made.type, made.proto, fileno=made.detach())
        punctual.settimeout(timeout_seconds)
        return punctual

    def getresponse(self) -> Any:
        _limit(self)
        return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> Any:
        _limit(self)
        return super().getresponse()


def _limit(connection: HTTPConnection) -> None:
    if isinstance(connection.sock, _Punctual) and connection.timeout is not None:
        connection.sock.ends = time.monotonic() + connection.timeout


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


def pools(timeout_seconds: float, connections: int) -> urllib3.PoolManager:
    """Gives pools of kept connections, which try nothing again.

    Args:
        timeout_seconds: for connecting, for each write, and for the answer from its first byte to its last.
        connections: how many are kept for a host.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = _PunctualTls
    made = urllib3.PoolManager(
        num_pools=64,
        maxsize=connections,
        timeout=urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds),
        retries=False,
        ssl_context=context,
    )
    made.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return made
