"""A stand-in for Split that only counts: ``python -m benchmarks.counter PORT``.

It answers every POST with 200 as fast as Python can, so that what is measured is the service. ``GET /`` tells what
came, ``DELETE /`` forgets it.
"""

import json
import re
import socket
import sys
import threading
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DUE = re.compile(rb'"due_ns":(\d+)')
_PIECE_BYTES = 1 << 20


class Counts:
    """What came: events, calls, when the first and the last call came, and how old events were, in ns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Begin again."""
        self.events = self.calls = self.first_events = self.first_ns = self.last_ns = 0
        self.ages_ns: list[int] = []

    def add(self, body: bytes) -> None:
        """Count a call."""
        now_ns, events = time.monotonic_ns(), body.count(b'"eventTypeId"')
        with self._lock:
            self.calls += 1
            self.events += events
            if not self.first_ns:
                self.first_ns, self.first_events = now_ns, events
            self.last_ns = now_ns
            self.ages_ns += [now_ns - int(due) for due in _DUE.findall(body)]

    def told(self) -> bytes:
        """Return all of it as JSON."""
        with self._lock:
            return json.dumps({name: value for name, value in vars(self).items() if name != "_lock"}).encode()


def _serve(connection: socket.socket, counts: Counts) -> None:
    came = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in came:
                piece = connection.recv(_PIECE_BYTES)
                if not piece:
                    return
                came += piece
            head, _, body = came.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            pieces, left = [body], (int(length[1]) if length else 0) - len(body)
            while left > 0:
                piece = connection.recv(_PIECE_BYTES)
                if not piece:
                    return
                pieces.append(piece)
                left -= len(piece)
            came = b""
            answer = _answer(head, b"".join(pieces), counts)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))


def _answer(head: bytes, body: bytes, counts: Counts) -> bytes:
    if head.startswith(b"GET"):
        return counts.told()
    if head.startswith(b"DELETE"):
        counts.forget()
    else:
        counts.add(body)
    return b""


def main(port: int) -> None:
    """Serve until it is killed."""
    counts = Counts()
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection, counts), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
