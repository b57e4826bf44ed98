"""What becomes of a connection between its requests, and how many there may be."""

import signal
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from urllib.parse import urlsplit

import orjson
import pytest

from tests.support.service import SECRET, Service, tracks

_LARGE = orjson.dumps(tracks(10, properties={"note": "x" * 9_900}))
_MOST = 4
_GONE_SECONDS = 0.3
_PAUSE_SECONDS = 0.05
#: Far less than gunicorn would wait for an idle connection.
_SOON_SECONDS = 10.0


@pytest.fixture
def web(make_service: Callable[..., Service]) -> Service:
    """One web process that holds few connections."""
    most = f"--worker-connections {_MOST}"
    service = make_service(WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=most)
    service.start_web()
    # The connection that looked whether it is there must be gone.
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


def test_a_known_sender_is_refused_by_the_head_as_well(web: Service) -> None:
    """After a large body with a right secret, one with a wrong secret is not waited for."""
    with _connected(web) as sender:
        sender.sendall(_head(len(_LARGE)) + _LARGE)
        assert _status(sender) == 200

        sender.sendall(_head(len(_LARGE), "wrong"))

        assert _status(sender) == 401
    assert web.lane().pending == 10


def test_a_refused_sender_that_sends_on_reads_its_answer(web: Service) -> None:
    """Its connection is ended only when it has had time for that; a small rest is read over, and it goes on."""
    with _connected(web) as sender:
        sender.sendall(_head(len(_LARGE), "wrong"))
        sender.sendall(_LARGE[:-1])
        assert _status(sender) == 401
        assert sender.recv(1) == b""
    with _connected(web) as sender:
        sender.sendall(_head(1000, "wrong") + b" " * 1000)
        assert _status(sender) == 401
        _post(sender, 1)
        assert _status(sender) == 200


def test_who_finds_all_places_taken_waits_for_one(web: Service) -> None:
    """More connections than the process holds are not refused."""
    staying = [_connected(web) for _ in range(_MOST)]
    for number, sender in enumerate(staying):
        _post(sender, number)
        assert _status(sender) == 200
    with _connected(web) as late:
        _post(late, 200)
        late.settimeout(_GONE_SECONDS)
        with pytest.raises(TimeoutError):
            late.recv(1)
        staying.pop().close()
        late.settimeout(10)

        assert _status(late) == 200
    for sender in staying:
        sender.close()


def test_idle_connections_do_not_hold_up_a_stop(web: Service) -> None:
    """A sender that posts meanwhile is answered and told to come on another connection; an idle one is ended."""
    posting, idle = _connected(web), _connected(web)
    for number, sender in enumerate((posting, idle)):
        _post(sender, number)
        assert _status(sender) == 200
    before = time.monotonic()
    (process,) = web.processes
    process.send_signal(signal.SIGTERM)
    told = ""
    # Less often than a connection has requests.
    while told != "close":
        _post(posting, 2)
        answer = HTTPResponse(posting)
        answer.begin()
        answer.read()
        assert answer.status == 200
        told = answer.headers["Connection"]
        time.sleep(_PAUSE_SECONDS)

    assert (posting.recv(1), idle.recv(1)) == (b"", b"")
    assert process.wait(20) == 0
    assert time.monotonic() - before < _SOON_SECONDS
    web.processes.clear()
    for sender in (posting, idle):
        sender.close()


def test_answers_to_pipelined_requests_are_not_taken_back(web: Service) -> None:
    """Those that come before the connection's last answer; the requests behind it are the sender's to repeat."""
    with _connected(web) as sender:
        sender.sendall((_head(2) + b"[]") * 150)
        answers = sender.makefile("rb").read()

    assert answers.count(b"HTTP/1.1 200 OK") == 100
