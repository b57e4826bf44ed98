"""gunicorn's worker, but no thread waits for a sender: requests are collected where connections are polled.

gunicorn's own gives a thread to each connection that has sent a byte, so eight senders that stall close the door.
And it closes connections where it polls: two seconds of everybody for a sender that does not hang up.

Small posts have no thread at all: they are answered in the loop, those of one moment on top of each other, so that
one call of Redis stores them all. With a thread each, a request cost twice as much (docs/speed.md).
"""

import errno
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    STOP_KEEPALIVE_LINGER,
    ThreadWorker,
)

from split_dest import logs
from split_dest.web.connection import Connection, WholeAnswer, refuse
from split_dest.web.incoming import AwaitedBody, BodyAwaited
from split_dest.web.kept import Room
from split_dest.web.memory import give_back_large_blocks, with_room
from split_dest.web.sharing import TAKEN_AT_ONCE, Sharing

_PIECE_BYTES = 65_536
#: For a sender to take its answer and hang up, which it may only do when it has sent all.
_LEAVE_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_SWITCH_SECONDS = 0.0005
_AWAIT = object()
#: So many posts are begun before the first of them is answered, each with a dozen of Python's thousand frames; and
#: so many are answered before the loop looks at anything else.
_TOGETHER = 32
_STATUSES = (
    (LimitRequestLine, 414, "URI Too Long"),
    (LimitRequestHeaders, 431, "Request Header Fields Too Large"),
    (ExpectationFailed, 417, "Expectation Failed"),
    (UnsupportedTransferCoding, 501, "Not Implemented"),
    (ParseException, 400, "Bad Request"),
)


class DoorWorker(ThreadWorker):  # type: ignore[misc]
    """Collects requests, answers posts, gives other whole ones to threads, and ends those that take too long."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._waiting: dict[Connection, None] = {}
        self._looked = 0.0
        self._large = ThreadPoolExecutor(1)
        self._room = Room()
        self._posts: deque[Connection] = deque()
        self._left = _TOGETHER
        self._sharing = Sharing(self.cfg.workers)

    def accept(self, listener: Any) -> None:
        """Takes new connections; those that have waited longest give way to them."""
        for _ in range(TAKEN_AT_ONCE):
            if self._sharing.pause_seconds() > 0 or not self._accept_one(listener):
                return
            self._sharing.took(self.nr_conns)

    def _accept_one(self, listener: Any) -> bool:
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError:
            # No file descriptor is left.
            self._end_oldest()
            return False
        self.nr_conns += 1
        self._wait(Connection(self.cfg, sock, client, listener.getsockname(), room=self._room))
        return True

    def _end_oldest(self) -> None:
        if self._waiting:
            self._end(next(iter(self._waiting)))

    def _wait(self, conn: Connection) -> None:
        """Waits for what comes next: a request, the rest of one, or the connection's end."""
        seconds = _LEAVE_SECONDS if conn.is_leaving else self.cfg.keepalive
        conn.timeout = conn.incoming.ends_seconds or time.monotonic() + seconds
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        conn.sock.setblocking(False)
        self._waiting[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._read, conn))

    def _read(self, conn: Connection, sock: socket.socket) -> None:
        if conn not in self._waiting:
            # It gave way to another since it was polled.
            return
        try:
            data = sock.recv(_PIECE_BYTES)
            if conn.is_leaving or not (data or conn.incoming.ends_seconds):
                # What still comes after the last answer is nobody's; closing at once would take the answer back.
                if not data:
                    self._end(conn)
                return
            conn.incoming.add(data)
        except BlockingIOError:
            return
        except OSError:
            self._end(conn)
            return
        if self.alive:
            conn.timeout = conn.incoming.ends_seconds
        if conn.incoming.is_ready:
            self._forget(conn)
            self.enqueue_req(conn)

    def init_process(self) -> None:
        """Serves until the process ends."""
        # A thread that computes lets others go on sooner than after Python's own 5 ms.
        sys.setswitchinterval(_SWITCH_SECONDS)
        give_back_large_blocks()
        with_room(super().init_process)

    def handle_quit(self, sig: int, frame: object) -> None:
        """Stops as SIGTERM does: gunicorn's way takes a lock that the code which it interrupts may hold."""
        self.handle_exit(sig, frame)

    def enqueue_req(self, conn: Connection) -> None:
        """Lets a small post wait for its turn in the loop, and gives any other request to a thread.

        Large ones have only one, so that they can't take all time and memory.
        """
        if conn.incoming.is_post and not conn.incoming.is_large:
            conn.incoming.meanwhile = self._answer_post
            self._posts.append(conn)
            return
        conn.incoming.meanwhile = None
        pool = self._large if conn.incoming.is_large else self.tpool
        job = pool.submit(self.handle, conn)
        job.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Does one turn: looks for what came, without a wait while posts are to be answered, then answers some."""
        pause = self._sharing.pause_seconds()
        if pause > 0:
            # Until gunicorn's next turn: what may not be taken yet would be polled again and again.
            self.set_accept_enabled(False)
            timeout = min(timeout, pause)
        super().wait_for_and_dispatch_events(0 if self._posts else timeout)
        self._left = _TOGETHER
        while self._answer_post():
            pass
        # With as many as it may have gunicorn takes no new ones. Only now, when all that came has been read.
        if self.alive and self.nr_conns >= self.worker_connections:
            self._end_oldest()

    def _answer_post(self) -> bool:
        """Answers the post that waits longest, if one is left in this turn, and says whether.

        Before its messages go to Redis it calls this itself, so that those of one moment go together.
        """
        if not self._posts or not self._left:
            return False
        self._left -= 1
        conn = self._posts.popleft()
        try:
            outcome = self.handle(conn)
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on
            logs.often("post_failed", error=type(error).__name__)
            outcome = False
        self._finish(conn, outcome)
        return True

    def handle(self, conn: Connection) -> object:
        """Answers the request that came; gives whether another may come on the connection."""
        if conn.incoming.refusal:
            refuse(conn.sock, *conn.incoming.refusal)
            return False
        conn.pieces = conn.incoming.pieces()
        conn.parser = http.get_parser(self.cfg, conn.pieces, conn.client)
        try:
            return super().handle(conn)
        except BodyAwaited as awaited:
            # Flask's frame keeps the exception, which keeps the frame, and so all that was read.
            awaited.__traceback__ = None
            conn.forget_parser()
            return _AWAIT

    def handle_request(self, req: Any, conn: Connection) -> object:
        """Answers a request whose head was read."""
        req.body = AwaitedBody(req.body.reader, conn.incoming)
        # Whoever was told to continue needs no second word.
        req._expected_100_continue &= not conn.incoming.is_awaited
        sock, conn.sock = conn.sock, WholeAnswer(conn.sock)
        try:
            outcome = super().handle_request(req, conn)
            conn.sock.leave()
        except BlockingIOError as error:
            raise BrokenPipeError(errno.EPIPE, "the sender reads no answers") from error
        finally:
            conn.sock = sock
        return outcome

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers what is no HTTP with gunicorn's statuses, without its words, which quote the bad part."""
        for kind, status, reason in _STATUSES:
            if isinstance(exc, kind):
                logs.often("not_http", error=type(exc).__name__)
                refuse(client, status, reason)
                return
        super().handle_error(req, client, addr, exc)

    def _keepalive_after(self, conn: Connection, keepalive: object) -> bool:
        # The rest of a body that was not awaited would be read as the next request.
        if not conn.incoming.is_whole:
            return False
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except ParseException:
            # It was answered already.
            return False

    def finish_request(self, conn: Connection, future: "Future[object]") -> None:
        """Goes on with a connection whose request a thread has answered, or whose body is awaited."""
        self._finish(conn, future.result() if future.exception() is None else False)

    def _finish(self, conn: Connection, outcome: object) -> None:
        try:
            self._go_on(conn, outcome)
        except (OSError, ValueError):
            # The socket is gone.
            self._waiting.pop(conn, None)
            self.nr_conns -= 1
            conn.incoming.close()
            conn.close()

    def _go_on(self, conn: Connection, outcome: object) -> None:
        if not outcome:
            self._leave(conn)
            return
        if outcome is not _AWAIT:
            early = conn.parser.unreader.take_buffered() + b"".join(conn.pieces)
            conn.forget_request()
            if early:
                conn.incoming.add(early)
        if conn.incoming.is_ready:
            self.enqueue_req(conn)
        else:
            self._wait(conn)

    def _leave(self, conn: Connection) -> None:
        conn.forget_request()
        conn.is_leaving = True
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        self._wait(conn)

    def murder_pending(self) -> None:
        """Ends what took too long; a request of which something came is answered as one that is cut."""
        now = time.monotonic()
        if now < self._looked + _LOOK_SECONDS:
            return
        self._looked = now
        for conn in [conn for conn in self._waiting if conn.timeout <= now]:
            if conn.incoming.ends_seconds:
                conn.incoming.is_cut = True
                self._forget(conn)
                self.enqueue_req(conn)
            else:
                self._end(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        for conn in self._waiting:
            conn.timeout = min(conn.timeout, deadline)

    def _forget(self, conn: Connection) -> None:
        del self._waiting[conn]
        self.poller.unregister(conn.sock)

    def _end(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.incoming.close()
        conn.close()
