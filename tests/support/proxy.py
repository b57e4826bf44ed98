"""A proxy that has trouble with the first post and passes everything else on."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

WAIT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Post:
    """When a post came, where it went, and which try the client calls it."""

    at: float
    path: str
    retry: str | None


class Proxy(ThreadingHTTPServer):
    """Listens on its own loopback port; ``posts`` are those that came so far."""

    def __init__(self, behind: str, trouble: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = behind
        self.troubles = iter([trouble])
        self.posts: list[Post] = []
        self.http = urllib3.PoolManager(retries=False, timeout=10, maxsize=8)

    @property
    def host(self) -> str:
        """Its address and port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_POST(self) -> None:
        """Has the trouble if it is still to come."""
        self.server.posts.append(Post(time.monotonic(), self.path, self.headers["X-Retry-Count"]))
        trouble = next(self.server.troubles, None)
        if trouble == "limited":
            self._limit()
        elif trouble == "dropped":
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._pass_on(lost=trouble == "lost")

    def _limit(self) -> None:
        self._body()
        self.send_response(429)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", "Retry-After")
        self.send_header("Retry-After", str(WAIT_SECONDS))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _pass_on(self, *, lost: bool = False) -> None:
        url = self.server.behind + self.path
        answer = self.server.http.request(self.command, url, body=self._body(), headers=dict(self.headers))
        if lost:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"connection", "date", "server", "transfer-encoding"}:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.data)

    do_GET = do_OPTIONS = _pass_on

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(behind: str, trouble: str | None = None) -> Iterator[Proxy]:
    """Run a proxy in front of a service until the block ends.

    Args:
        behind: the service's URL.
        trouble: of the first post: ``limited`` (429 with Retry-After), ``dropped`` (the connection is closed),
            ``lost`` (the service has it, and its answer is dropped), or None.
    """
    with Proxy(behind, trouble) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
            proxy.http.clear()
