"""A server that answers each call with bytes of a test's choice."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer, piece by piece; ``closes``: it ends with its connection."""

    pieces: Callable[[], Iterable[bytes]]
    closes: bool = False


class Answers:
    """Where the server is, and how many connections and calls came."""

    def __init__(self, server: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.connections = 0
        self.heads: list[bytes] = []


@contextmanager
def answering(*answers: Answer) -> Iterator[Answers]:
    """Answer the calls in their order, the last answer again and again, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = Answers(server)
        thread = threading.Thread(target=_serve, args=(server, seen, answers))
        thread.start()
        yield seen
        server.shutdown(socket.SHUT_RDWR)
        thread.join(30)
        assert not thread.is_alive(), "a connection was left open"


def _serve(server: socket.socket, seen: Answers, answers: tuple[Answer, ...]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            seen.connections += 1
            with suppress(OSError), connection:
                _answer_all(connection, seen, answers)


def _answer_all(connection: socket.socket, seen: Answers, answers: tuple[Answer, ...]) -> None:
    while head := _request(connection):
        answer = answers[min(len(seen.heads), len(answers) - 1)]
        seen.heads.append(head)
        for piece in answer.pieces():
            connection.sendall(piece)
        if answer.closes:
            return


def _request(connection: socket.socket) -> bytes:
    """Return the next request's head, after its body; nothing: the connection was closed."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += connection.recv(65_536)
    return head


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    """Return an answer with this body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return Answer(lambda: ["\r\n".join(lines).encode() + body])


def endless(piece: bytes, *headers: str, status: str = "200 OK", times: int = 1_000_000) -> Answer:
    """Return an answer whose body is this piece, again and again."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers, "", ""]

    def pieces() -> Iterator[bytes]:
        yield "\r\n".join(lines).encode()
        for _ in range(times):
            yield piece

    return Answer(pieces, closes=True)
