"""What any sender can cause at any rate has a line a second in the log, with how often it was, and no quotes."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from split_dest.inbox.store import Store, connect
from tests.support.service import SETTINGS, Service, speak

_TIMES = 60
_CANARY = "canary-8f1e"
_REFUSED = [{"type": "track", "userId": True}]
_NO_HTTP = f"POST /webhook/web HTTP/1.1\r\nHost: x\r\n{_CANARY}\r\n\r\n".encode()


@pytest.fixture
def web(tmp_path: Path, own_redis: subprocess.Popen[bytes]) -> Iterator[Service]:
    """A web process on a Redis of the test's own."""
    del own_redis
    folder = tmp_path / "own"
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox="http://127.0.0.1:1")
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings, WEB_CONCURRENCY="1")
    service.start_web()
    yield service
    service.stop()


def lines(web: Service, event: str) -> list[int]:
    """Return how often an event was, for each of its lines."""
    found = [orjson.loads(line) for line in web.log("web").splitlines()]
    return [line["times"] for line in found if line.get("event") == event]


def seconds(act: Callable[[int], object]) -> float:
    """Do something many times; return how long all of it took."""
    began = time.monotonic()
    for number in range(_TIMES):
        act(number)
    return time.monotonic() - began


def test_refused_messages_have_a_line_a_second(web: Service) -> None:
    """Each of them is a dead letter all the same."""
    took = seconds(lambda number: web.post([_REFUSED[0] | {"event": f"e-{number}"}]))

    assert 1 <= len(lines(web, "set_aside")) <= took + 2
    assert web.lane().dead == _TIMES


def test_requests_that_are_no_http_have_a_line_a_second(web: Service) -> None:
    """Of which nothing is repeated, for it may hold a secret."""
    took = seconds(lambda _: speak(web.url, _NO_HTTP))

    assert 1 <= len(lines(web, "not_http")) <= took + 2
    assert _CANARY not in web.log("web")


def test_requests_while_redis_is_away_have_a_line_a_second(
    web: Service, own_redis: subprocess.Popen[bytes]
) -> None:
    """The first one says why."""
    own_redis.kill()
    own_redis.wait(10)
    took = seconds(lambda _: web.post([]))

    assert 1 <= len(lines(web, "store_unavailable")) <= took + 2
