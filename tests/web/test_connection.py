"""How an answer leaves."""

import socket

import pytest

from split_dest.web.connection import WholeAnswer


def test_an_answer_leaves_in_one_piece() -> None:
    """Its sender is woken once, not for the head and for the body."""
    door, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with door, sender:
        answer = WholeAnswer(door)
        answer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        answer.sendall(b"{}")
        sender.setblocking(False)
        with pytest.raises(BlockingIOError):
            sender.recv(1000)

        answer.leave()

        assert sender.recv(1000) == b"HTTP/1.1 200 OK\r\n\r\n{}"


def test_no_answer_sends_nothing() -> None:
    """A request whose body is awaited is not answered yet."""
    door, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with door, sender:
        WholeAnswer(door).leave()
        sender.setblocking(False)

        with pytest.raises(BlockingIOError):
            sender.recv(1000)
