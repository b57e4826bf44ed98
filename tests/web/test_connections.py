"""Whose body is collected before the door is asked whether it wants it, and how many connections there may be."""

import os
import signal
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from tests.support.service import SECRET, Service, tracks

_LARGE = orjson.dumps(tracks(10, properties={"note": "x" * 9_900}))
_MOST = 4
_GONE_SECONDS = 0.3


@pytest.fixture
def web(make_service: Callable[..., Service]) -> Service:
    """One web process that holds few connections."""
    most = f"--worker-connections {_MOST}"
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS="1", GUNICORN_CMD_ARGS=most)
    service.start_web()
    # The connection that looked whether it is there shall be gone.
    service.hang_up()
    time.sleep(_GONE_SECONDS)
    return service


def _connected(web: Service) -> socket.socket:
    at = urlsplit(web.url)
    return socket.create_connection((at.hostname, at.port), timeout=10)


def _head(length: int, secret: str = SECRET, path: str = "/webhook/web") -> bytes:
    lines = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {secret}\r\nContent-Length: {length}\r\n\r\n"
    return lines.encode()


def _post(sender: socket.socket, number: int) -> None:
    body = orjson.dumps(tracks(1, start=number))
    sender.sendall(_head(len(body)) + body)


def _status(sender: socket.socket) -> int:
    answer = HTTPResponse(sender)
    answer.begin()
    answer.read()
    return answer.status


@pytest.mark.parametrize("before", [b"", _head(0, path="/v1/m")])
def test_a_stranger_is_refused_by_the_head(web: Service, before: bytes) -> None:
    """Also on a connection on which something was answered that anybody may ask."""
    with _connected(web) as sender:
        if before:
            sender.sendall(before)
            assert _status(sender) == 200
        sender.sendall(_head(len(_LARGE), "wrong"))

        assert _status(sender) == 401


def test_a_large_body_of_a_known_sender_is_collected_before_it_is_judged(web: Service) -> None:
    """With a right secret it is stored; with a wrong one it is refused, and the sender is known no more."""
    with _connected(web) as sender:
        _post(sender, 100)
        assert _status(sender) == 200
        sender.sendall(_head(len(_LARGE)) + _LARGE)
        assert _status(sender) == 200

        sender.sendall(_head(len(_LARGE), "wrong"))
        sender.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sender.recv(1)
        sender.settimeout(10)
        sender.sendall(_LARGE)

        assert _status(sender) == 401
    assert web.lane().pending == 1 + 10


def test_whoever_waits_longest_gives_way_although_all_were_at_work(web: Service) -> None:
    """The last place is taken while no connection waits; the next sender must not wait for one to go."""
    (process,) = Path(f"/proc/{web.processes[0].pid}/task/{web.processes[0].pid}/children").read_text().split()
    staying = [_connected(web) for _ in range(_MOST - 1)]
    for number, sender in enumerate(staying):
        _post(sender, number)
        assert _status(sender) == 200
    os.kill(int(process), signal.SIGSTOP)
    for number, sender in enumerate(staying):
        _post(sender, 100 + number)
    staying.append(_connected(web))
    os.kill(int(process), signal.SIGCONT)
    assert [_status(sender) for sender in staying[:-1]] == [200] * (_MOST - 1)

    with _connected(web) as late:
        _post(late, 200)
        assert _status(late) == 200
    for sender in staying:
        sender.close()
