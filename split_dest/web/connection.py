"""A connection of a sender, and the request that comes on it."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

from split_dest.web.incoming import Incoming
from split_dest.web.kept import Room

#: Any answer fits in, so that only who reads none of many holds a thread, not for long, or is cut off in the loop.
_SEND_BUFFER_BYTES = 262_144
#: Seconds and microseconds.
_SEND_TIMEOUT = struct.pack("ll", 0, 300_000)


class Connection(TConn):  # type: ignore[misc]
    """A connection and the request that comes on it."""

    def __init__(self, *args: Any, room: Room) -> None:
        super().__init__(*args)
        # gunicorn would wait here, in a thread.
        self.initialized = True
        self._room = room
        self.incoming = Incoming(None)
        self.parser: Any = None
        self.pieces: Iterator[bytes] = iter(())
        self.is_leaving = False
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    def forget_request(self) -> None:
        """Forgets the one that was answered, and all that it took; whose sender is known may send a batch next."""
        self.incoming.close()
        self.forget_parser()
        self.incoming = Incoming(self._room if self.incoming.is_known else None)

    def forget_parser(self) -> None:
        """Forgets what the parser has read; what was kept of the request is read again from its beginning."""
        self.parser, self.pieces = None, iter(())

    def init(self) -> None:
        """Lets a thread wait for a sender that does not read its answers, but not the loop."""
        self.sock.setblocking(self.incoming.meanwhile is None)


class WholeAnswer:
    """A socket on which gunicorn writes an answer piece by piece, and which leaves in one call.

    Head and body in two calls wake the sender twice. All else that gunicorn does with a socket, such as to tell a
    sender to continue, it does at once.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, piece: bytes) -> None:
        """Keeps a piece."""
        self._pieces.append(piece)

    def leave(self) -> None:
        """Sends all pieces.

        Raises:
            OSError: the sender is gone, or reads no answers.
        """
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._sock.sendall(b"".join(pieces))


def refuse(sock: socket.socket, status: int, reason: str) -> None:
    """Answers what is no request with a status; its sender may be gone."""
    with suppress(OSError):
        util.write_error(sock, status, reason, "")
