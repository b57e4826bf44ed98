"""The endpoint under gunicorn: what only shows over a real connection, and while Redis is in trouble."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.support.sandbox import Sandbox
from tests.support.service import SECRET, SETTINGS, Service, speak, tracks


@pytest.fixture(scope="module")
def started_web(make_lasting_service: Callable[..., Service]) -> Service:
    """A web process without workers, whose bodies may have 100,000 bytes."""
    service = make_lasting_service("intake: {max_body_bytes: 100000}\n")
    service.start_web()
    return service


@pytest.fixture
def web(started_web: Service) -> Service:
    """The same process with nothing received."""
    started_web.forget()
    return started_web


@pytest.fixture
def web_on_own_redis(tmp_path: Path, own_redis: subprocess.Popen[bytes], sandbox: Sandbox) -> Iterator[Service]:
    """A web process on a Redis of the test's own."""
    del own_redis
    folder = tmp_path / "own"
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox=sandbox.url)
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings)
    service.start_web()
    yield service
    service.stop()


def chunked(service: Service, body: bytes) -> bytes:
    """Return the answer to a body sent in chunks, without a length."""
    chunks = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    head = f"POST /webhook/web HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nConnection: close\r\n"
    sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return speak(service.url, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + sent + b"0\r\n\r\n")


def test_a_chunked_body_is_read(web: Service) -> None:
    """Mobile clients send no length; their messages are taken all the same."""
    answer = chunked(web, orjson.dumps(tracks(200)))

    assert b" 200 " in answer.partition(b"\r\n")[0]
    assert web.lane().received == 200


def test_the_limit_holds_for_chunked_bodies(web: Service) -> None:
    """A chunked body over the limit is refused, not cut: nothing of it is stored."""
    answer = chunked(web, orjson.dumps(tracks(1000)))

    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert web.lane().received == 0


def test_a_body_that_ends_early_is_not_stored(web: Service) -> None:
    """A sender that promises more than it sends and hangs up gets nothing acknowledged."""
    body = orjson.dumps(tracks(1))
    head = (
        f"POST /webhook/web HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Length: {len(body) + 9}\r\n"
    )
    at = urlsplit(web.url)

    with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)

    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert web.lane().received == 0


def test_a_large_body_without_room_for_it_is_our_fault(web: Service) -> None:
    """The sender is told to try again, and the log says why: 408 would blame the sender."""
    master = web.processes[0].pid
    (process,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    most = resource.prlimit(int(process), resource.RLIMIT_FSIZE)[1]
    # Enough for the process's log, not for the body.
    resource.prlimit(int(process), resource.RLIMIT_FSIZE, (80_000, most))

    answer = web.post(b"[" + b" " * 90_000 + b"]")
    resource.prlimit(int(process), resource.RLIMIT_FSIZE, (most, most))

    assert answer.status == 503
    assert answer.json()["code"] == "internal_error"
    assert '"event":"internal_error"' in web.log("web")
    # The connection ends, because nobody knows where the body does.
    web.http.clear()
    assert web.post(tracks(1)).status == 200


def test_a_killed_redis_is_a_503_with_a_wait_and_then_a_200(
    web_on_own_redis: Service, own_redis: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """While Redis is away the sender is told to come again; what was acknowledged is still there afterwards."""
    assert web_on_own_redis.post(tracks(3)).status == 200
    own_redis.kill()
    own_redis.wait(10)

    away = web_on_own_redis.post(tracks(3, 3))
    ready = web_on_own_redis.http.request("GET", f"{web_on_own_redis.url}/readyz")
    again = subprocess.Popen(embedded_redis.command(str(tmp_path / "own")))
    try:
        web_on_own_redis.wait_until(lambda: web_on_own_redis.post(tracks(3, 3)).status == 200)
        kept = web_on_own_redis.lane().pending
    finally:
        again.kill()
        again.wait(10)

    assert (away.status, away.json()["code"], away.headers["Retry-After"]) == (503, "store_unavailable", "5")
    assert ready.status == 503
    assert kept == 6


def test_a_frozen_redis_is_a_503_well_before_segment_gives_up(
    web_on_own_redis: Service, own_redis: subprocess.Popen[bytes]
) -> None:
    """Redis takes connections and never answers: the sender has its 503 within two seconds."""
    os.kill(own_redis.pid, signal.SIGSTOP)
    asked = time.monotonic()

    answer = web_on_own_redis.post(tracks(1))

    took = time.monotonic() - asked
    os.kill(own_redis.pid, signal.SIGCONT)
    assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")
    assert took < 2


def test_above_the_high_water_mark_the_door_waits_for_delivery(web_on_own_redis: Service) -> None:
    """At 80 % of maxmemory the endpoint answers 503; when there is room again, 200."""
    client = web_on_own_redis.store.client
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", int(used / 0.8))
    web_on_own_redis.wait_until(lambda: web_on_own_redis.post(tracks(1)).status == 503)

    answer = web_on_own_redis.post(tracks(1))
    ready = web_on_own_redis.http.request("GET", f"{web_on_own_redis.url}/readyz")
    client.config_set("maxmemory", used * 10)

    assert (answer.json()["code"], answer.headers["Retry-After"]) == ("store_full", "5")
    assert ready.json()["code"] == "store_full"
    web_on_own_redis.wait_until(lambda: web_on_own_redis.post(tracks(1)).status == 200)


def test_a_redis_that_takes_no_writes_is_a_503(web_on_own_redis: Service) -> None:
    """A replica, or a Redis whose replicas are too few, refuses writes: that is never the sender's fault."""
    client = web_on_own_redis.store.client
    client.config_set("min-replicas-to-write", 1)

    answer = web_on_own_redis.post(tracks(1))
    client.config_set("min-replicas-to-write", 0)

    assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")


def test_wait_replicas_acknowledges_only_what_replicas_have(
    web_on_own_redis: Service, own_redis: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """With wait_replicas: 1 and no replica, messages are stored but the sender is told to send them again."""
    del own_redis
    web_on_own_redis.stop()
    text = web_on_own_redis.file.read_text().replace("redis: {", "redis: {wait_replicas: 1, ")
    web_on_own_redis.file.write_text(text)
    web_on_own_redis.start_web()

    answer = web_on_own_redis.post(tracks(1))

    assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")


def test_health_pages_and_metrics_tell_the_truth(web: Service) -> None:
    """/livez, /readyz, /version and /metrics answer; the metrics balance and need no restart of anything."""
    web.post([*tracks(3), {"type": "track", "userId": True}, *tracks(1)])

    pages = {
        path: web.http.request("GET", web.url + path) for path in ("/livez", "/readyz", "/version", "/metrics")
    }

    assert {path: page.status for path, page in pages.items()} == dict.fromkeys(pages, 200)
    lines = pages["/metrics"].data.decode().splitlines()
    place = '{destination="web",lane="events"}'
    for name, number in (("received_total", 5), ("pending", 3), ("dead", 1), ("duplicate_total", 1)):
        assert f"split_dest_{name}{place} {number}.0" in lines


def test_settings_that_cannot_be_used_end_gunicorn_with_a_clear_text(make_service: Callable[..., Service]) -> None:
    """The server stops by itself and its output holds the problem's place instead of a stack trace."""
    service = make_service()
    service.file.write_text("destinationz: {}\n")
    web = ["gunicorn", "--config", "python:split_dest.web.gunicorn", "--bind", "127.0.0.1:0"]
    process = service._start("web", [*web, "split_dest.web:create_app()"])

    code = process.wait(20)
    service.processes.remove(process)

    assert code != 0
    assert 'settings.yaml:1:1: unknown key "destinationz", did you mean "destinations"?' in service.log("web")
    assert "Traceback" not in service.log("web")


def test_a_port_that_is_in_use_is_told_once(make_service: Callable[..., Service]) -> None:
    """However often gunicorn tries: one line, in plain words, with the variables that help."""
    service = make_service()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = ["gunicorn", "--config", "python:split_dest.web.gunicorn", "--bind", f"127.0.0.1:{port}"]
        process = service._start("web", [*web, "split_dest.web:create_app()"])
        code = process.wait(20)
    service.processes.remove(process)

    lines = [orjson.loads(line) for line in service.log("web").splitlines()]
    assert code != 0
    assert [line["event"] for line in lines] == ["not_listening"]
    assert lines[0]["detail"] == f"Port {port} is in use (HOST, PORT)"


def test_the_address_is_logged_and_which_process_died(make_service: Callable[..., Service]) -> None:
    """Lines of gunicorn's master are filled in: what it sees is processes, and no request."""
    web = make_service()
    web.start_web()
    (pid,) = Path(f"/proc/{web.processes[0].pid}/task/{web.processes[0].pid}/children").read_text().split()

    os.kill(int(pid), signal.SIGKILL)
    web.wait_until(lambda: f"(pid:{pid})" in web.log("web"))

    first = orjson.loads(web.log("web").splitlines()[0])
    assert (first["event"], first["addresses"]) == ("listening", [web.url])
