"""Posts that come at the same moment are begun together and stored in one step."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import orjson
import pytest

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.conftest import wait_for_redis
from tests.support.service import SECRET, SETTINGS, Service, tracks

_SENDERS = 200
_IDS = 160
#: So many steps would be one for each four posts; the server begins up to 32 at once.
_FEW_STEPS = _SENDERS // 4


@pytest.fixture
def redis_process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of the test's own, to be frozen."""
    server = subprocess.Popen(embedded_redis.command(str(tmp_path / "own")))
    wait_for_redis(connect("embedded", str(tmp_path / "own")))
    yield server
    server.kill()
    server.wait(10)


@pytest.fixture
def web(tmp_path: Path, redis_process: subprocess.Popen[bytes]) -> Iterator[Service]:
    """One web process."""
    del redis_process
    folder = tmp_path / "own"
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox="http://127.0.0.1:1")
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings)
    service.start_web()
    yield service
    service.stop()


@contextmanager
def senders_at_once(web: Service) -> Iterator[list[socket.socket]]:
    """Gives senders whose posts all come to the web process at the same moment."""
    address = ("127.0.0.1", int(web.url.rpartition(":")[2]))
    master = web.processes[0].pid
    process = int(Path(f"/proc/{master}/task/{master}/children").read_text())
    with ExitStack() as ends:
        connected = [ends.enter_context(socket.create_connection(address, timeout=10)) for _ in range(_SENDERS)]
        # Until all are let in, one by one.
        time.sleep(0.5)
        os.kill(process, signal.SIGSTOP)
        try:
            for number, sender in enumerate(connected):
                sender.sendall(_post(number))
        finally:
            os.kill(process, signal.SIGCONT)
        yield connected


def _post(number: int) -> bytes:
    # Some are sent twice, and every seventh is no JSON.
    body = orjson.dumps({"messageId": f"m-{number % _IDS}", "type": "track", "event": "e", "userId": "u"})
    body = body[:-1] + b"]" if number % 7 == 0 else body
    lines = f"POST /webhook/web HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\n"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _answer(sender: socket.socket) -> tuple[int, dict[str, Any]]:
    answer = HTTPResponse(sender)
    answer.begin()
    return answer.status, orjson.loads(answer.read())


def test_posts_of_one_moment_share_a_few_steps(web: Service) -> None:
    """Each is told what became of its own message."""
    web.store.client.config_resetstat()

    with senders_at_once(web) as senders:
        answers = [_answer(sender) for sender in senders]

    taken = [told for status, told in answers if status == 200]
    ids = {number % _IDS for number in range(_SENDERS) if number % 7}
    assert [number for number, (status, _) in enumerate(answers) if status == 400] == list(range(0, _SENDERS, 7))
    assert sum(told["accepted"] for told in taken) == len(ids)
    assert sum(told["duplicates"] for told in taken) == len(taken) - len(ids) == _SENDERS * 6 // 7 - len(ids)
    assert web.store.client.info("commandstats")["cmdstat_evalsha"]["calls"] < _FEW_STEPS


def test_many_that_come_while_redis_is_silent_are_told_in_time(
    web: Service, redis_process: subprocess.Popen[bytes]
) -> None:
    """Segment waits for four seconds; nobody waits for more than the steps before the silence was known."""
    redis_process.send_signal(signal.SIGSTOP)
    with senders_at_once(web) as senders:
        before = time.monotonic()
        answers = [_answer(sender)[0] for sender in senders]
        seconds = time.monotonic() - before
    redis_process.send_signal(signal.SIGCONT)

    assert set(answers) == {503}
    assert seconds < 4
    web.wait_until(lambda: web.post(tracks(1)).status == 200)
