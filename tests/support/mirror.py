"""A Split and Segment that quote back whatever they are sent, in every kind of answer."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMES = (
    b'[{"id": "tt-1", "name": "user"}, {"id": "env-1", "name": "Production"}, {"id": "tt-2", "name": "anonymous"}]'
)
#: What the first calls get, twice: each refusal in a row doubles the rest. 0: the connection is closed.
STATUSES = (200, 400, 200, 500, 200, 200, 413, 0, 200, 200, 429, 200)


class Mirror(ThreadingHTTPServer):
    """Listens on its own loopback port; ``calls`` counts answers by status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = itertools.chain(STATUSES * 2, itertools.repeat(200))
        self.calls: list[int] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Quotes the request, in the headers as well, and say with its own status what it thinks of it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = next(self.server.statuses)
        self.server.calls.append(status)
        if not status:
            self.close_connection = True
            return
        if status == 200 and self.command == "GET":
            self._answer(status, NAMES)
        else:
            self._answer(status, str(self.headers).encode() + self.path.encode() + body)

    do_GET = do_PATCH = do_PUT = do_DELETE = do_POST

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status, self.headers.get("Authorization", "")[:200])
        self.send_header("X-Quoted", self.path)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Mirror]:
    """Run a mirror until the block ends."""
    with Mirror() as mirror:
        thread = threading.Thread(target=mirror.serve_forever)
        thread.start()
        try:
            yield mirror
        finally:
            mirror.shutdown()
            thread.join()
