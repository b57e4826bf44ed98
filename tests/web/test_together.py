"""Posts that come at the same moment are started together and stored in one step."""

import http.client
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import orjson
import pytest

from split_dest.inbox.store import Store, connect
from tests.support.service import SECRET, SETTINGS, Service, tracks

_SENDERS = 200
_IDS = 160
_DESTINATIONS = ("web", *(f"web{number}" for number in range(1, 12)))
#: A post that is refused.
_TINY = b"POST / HTTP/1.1\r\nHost:x\r\n\r\n"
#: Far more than a turn takes, and far less than if the loop waited.
_SOON_SECONDS = 3.0
_SHARED = 16
#: One step for each four posts: far fewer than one for each.
_FEW_STEPS = _SENDERS // 4


@pytest.fixture
def web(tmp_path: Path, own_redis: subprocess.Popen[bytes]) -> Iterator[Service]:
    """One web process with a dozen destinations."""
    del own_redis
    folder = tmp_path / "own"
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox="http://127.0.0.1:1")
    destination = settings.partition("destinations:\n")[2]
    more = "".join(destination.replace("  web:", f"  {name}:", 1) for name in _DESTINATIONS[1:])
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings + more)
    service.start_web()
    yield service
    service.stop()


def _process(web: Service) -> int:
    (process,) = _processes(web)
    return process


def _processes(web: Service) -> list[int]:
    master = web.processes[-1].pid
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def _sockets(process: int) -> int:
    found = 0
    for file in Path(f"/proc/{process}/fd").iterdir():
        # It may be closed meanwhile.
        with suppress(FileNotFoundError):
            found += "socket:" in str(file.readlink())
    return found


@contextmanager
def _at_once(web: Service, senders: int) -> Iterator[list[socket.socket]]:
    """Provide connections; what is sent on them in the block comes to the web process at the same moment."""
    address, process = ("127.0.0.1", int(web.url.rpartition(":")[2])), _process(web)
    connected = [socket.create_connection(address, timeout=20) for _ in range(senders)]
    # Until all are let in, by one process without a pause; then it has just seen that Redis is well.
    time.sleep(0.5)
    assert web.post(tracks(1, start=_SENDERS)).status == 200
    with _stopped(process):
        yield connected


@contextmanager
def _stopped(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        while Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "T":
            pass
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _post(number: int, destination: str = "web") -> bytes:
    # Some are sent twice, and every seventh is no JSON.
    body = orjson.dumps({"messageId": f"m-{number % _IDS}", "type": "track", "event": "e", "userId": "u"})
    body = body[:-1] + b"]" if number % 7 == 0 else body
    return _request(body, destination)


def _request(body: bytes, destination: str = "web") -> bytes:
    lines = f"POST /webhook/{destination} HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\n"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _answer(sender: socket.socket) -> tuple[int, dict[str, Any]]:
    answer = HTTPResponse(sender)
    answer.begin()
    return answer.status, orjson.loads(answer.read())


def _close(*senders: socket.socket) -> None:
    for sender in senders:
        sender.close()


def test_posts_of_one_moment_share_a_few_steps(web: Service) -> None:
    """Each is told what became of its message."""
    with _at_once(web, _SENDERS) as senders:
        web.store.client.config_resetstat()
        for number, sender in enumerate(senders):
            sender.sendall(_post(number))
    answers = [_answer(sender) for sender in senders]
    _close(*senders)

    taken = [told for status, told in answers if status == 200]
    ids = {number % _IDS for number in range(_SENDERS) if number % 7}
    assert [number for number, (status, _) in enumerate(answers) if status == 400] == list(range(0, _SENDERS, 7))
    assert sum(told["accepted"] for told in taken) == len(ids)
    assert sum(told["duplicates"] for told in taken) == len(taken) - len(ids) == _SENDERS * 6 // 7 - len(ids)
    assert web.store.client.info("commandstats")["cmdstat_evalsha"]["calls"] < _FEW_STEPS


@pytest.mark.parametrize("messages", [1, 60])
def test_many_that_come_while_redis_is_silent_are_told_in_time(
    web: Service, own_redis: subprocess.Popen[bytes], messages: int
) -> None:
    """Segment waits for four seconds; the silence is found out once, not for each step, destination or turn."""
    body = orjson.dumps(tracks(messages))
    with _at_once(web, _SENDERS) as senders:
        own_redis.send_signal(signal.SIGSTOP)
        for number, sender in enumerate(senders):
            sender.sendall(_request(body, _DESTINATIONS[number % len(_DESTINATIONS)]))
    before = time.monotonic()
    answers = {_answer(sender)[0] for sender in senders}
    seconds = time.monotonic() - before
    own_redis.send_signal(signal.SIGCONT)
    _close(*senders)

    assert answers == {503}
    assert seconds < 4
    web.wait_until(lambda: web.post(tracks(1)).status == 200)


def test_a_sender_that_is_gone_before_its_refusal_harms_nobody(web: Service) -> None:
    """Its connection is reset while others' posts stand around it."""
    process = _process(web)
    with _at_once(web, 24) as both:
        senders, gone = both[:12], both[12:]
        for number, (sender, bad) in enumerate(zip(senders, gone, strict=True)):
            bad.sendall(b"POST / HTTP/9.9\r\nHost: x\r\n\r\n")
            bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            bad.close()
            sender.sendall(_post(number * 7 + 1))
    answers = {_answer(sender)[0] for sender in senders}
    _close(*senders)

    assert (answers, _process(web)) == ({200}, process)


def _post_until(web: Service, stops: threading.Event) -> None:
    """Post on one connection, and on the next one when that is ended."""
    sender = http.client.HTTPConnection(web.url.partition("//")[2], timeout=20)
    body, headers = orjson.dumps(tracks(1)), {"Authorization": SECRET}
    while not stops.is_set():
        sender.request("POST", "/webhook/web", body, headers)
        assert sender.getresponse().read()
    sender.close()


def test_processes_share_connections_although_one_of_them_took_all(web: Service) -> None:
    """The connections of a sender that keeps many do not leave a core idle for long."""
    web.stop(web.processes[-1])
    web.start_web(WEB_CONCURRENCY="2")
    web.wait_until(lambda: len(_processes(web)) == 2)
    late, other = _processes(web)
    before, stops = [_sockets(late), _sockets(other)], threading.Event()
    senders = [threading.Thread(target=_post_until, args=(web, stops)) for _ in range(_SHARED)]

    with _stopped(late):
        for sender in senders:
            sender.start()
        web.wait_until(lambda: _sockets(other) - before[1] >= _SHARED)
    try:
        web.wait_until(lambda: min(_sockets(late) - before[0], _sockets(other) - before[1]) >= _SHARED // 4)
    finally:
        stops.set()
        for sender in senders:
            sender.join()


def test_posts_that_never_end_leave_others_their_turn(web: Service) -> None:
    """Thousands of refused ones on a few connections, and a good one that came first."""
    with _at_once(web, 6) as (good, *pipelining):
        good.sendall(_post(1))
        for sender in pipelining:
            sender.sendall(_TINY * (65_536 // len(_TINY)))
    before = time.monotonic()
    status, _ = _answer(good)
    seconds = time.monotonic() - before
    _close(good, *pipelining)

    assert status == 200
    assert seconds < _SOON_SECONDS


@pytest.mark.alone
def test_nobody_waits_for_a_sender_that_reads_no_answers(web: Service) -> None:
    """Answers that find no room on their way end the connection."""
    with _at_once(web, 21) as (good, *deaf):
        for sender in deaf:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sender.sendall(b"GET /openapi.yaml HTTP/1.1\r\nHost:x\r\n\r\n" * 12 + _TINY * 200)
    waits = []
    for number in range(100):
        before = time.monotonic()
        good.sendall(_post(number * 7 + 1))
        assert _answer(good)[0] == 200
        waits.append(time.monotonic() - before)
        time.sleep(0.02)
    _close(good, *deaf)

    assert max(waits) < _SOON_SECONDS
