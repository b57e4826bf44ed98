"""HTTP connections on which the whole answer must arrive in time.

A socket's timeout applies to each read: an answer of a byte a second would never exceed it.
"""

import math
import socket
import ssl
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class _DeadlineSocket(socket.socket):
    """A socket that reads nothing after its deadline by ``time.monotonic``."""

    deadline = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left_seconds = self.deadline - time.monotonic()
        if left_seconds <= 0:
            raise TimeoutError
        self.settimeout(min(left_seconds, self.gettimeout() or left_seconds))
        return super().recv_into(*args, **kwargs)


class _DeadlineTlsSocket(_DeadlineSocket, ssl.SSLSocket):
    """The same under TLS."""


class _HttpConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        timeout_seconds = plain.gettimeout()
        limited = _DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        limited.settimeout(timeout_seconds)
        return limited

    def getresponse(self) -> Any:
        _limit(self)
        return super().getresponse()


class _HttpsConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _limit(self)
        return super().getresponse()


def _limit(connection: HTTPConnection) -> None:
    if isinstance(connection.sock, _DeadlineSocket) and connection.timeout is not None:
        connection.sock.deadline = time.monotonic() + connection.timeout


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


def pools(timeout_seconds: float, connections: int) -> urllib3.PoolManager:
    """Return pools of connections that stay open; they retry nothing.

    Args:
        timeout_seconds: for connecting, for each write, and for the answer from its first byte to its last.
        connections: how many stay open to a host.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = _DeadlineTlsSocket
    manager = urllib3.PoolManager(
        num_pools=64,
        maxsize=connections,
        timeout=urllib3.Timeout(connect=timeout_seconds, read=timeout_seconds),
        retries=False,
        ssl_context=context,
    )
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager
