"""Secrets and personal data stay where they belong: 10,000 messages carry them, and every output is searched."""

import base64
import contextlib
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.support import canaries, mirror
from tests.support.canaries import EMAIL, SECRETS
from tests.support.mirror import Mirror
from tests.support.redis_server import wait_for_redis
from tests.support.service import Service, speak, worker_pids

MESSAGES = 8000
TRACKING = 1200
IMPRESSIONS = 800
PIXELS = 100
#: Where messages are kept: what they hold may stand there, and nowhere else.
CONTENT = (b":stream", b":dead")
#: Where Split's own words are shown to the operator: they may quote a message, but no key.
WITH_WORDS = ("split-dest status", "split-dest check --live", "Redis: sd:", "words of dead letters")


@dataclass(frozen=True, slots=True)
class Watched:
    """The service, what it writes to, and all that it has said, by where it was said."""

    service: Service
    server: subprocess.Popen[bytes]
    mirror: Mirror
    said: dict[str, bytes] = field(default_factory=dict)

    def hear(self, where: str, what: str | bytes) -> None:
        """Keep an output for the search."""
        given = what if isinstance(what, bytes) else what.encode()
        self.said[where] = self.said.get(where, b"") + given

    def command(self, *arguments: str, **variables: str) -> int:
        """Run a command, whatever comes of it; return its exit code."""
        program = str(Path(sys.executable).parent / "split-dest")
        environ = {**self.service.environ, **variables}
        ended = subprocess.run([program, *arguments], env=environ, capture_output=True, check=False, timeout=120)
        self.hear(" ".join(("split-dest", *arguments[:2])), ended.stdout + ended.stderr)
        return ended.returncode


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """The service at work between a Redis with a password and a Split that quotes all it gets."""
    folder = tmp_path / "own"
    with (tmp_path / "redis.log").open("wb") as log:
        command = [*embedded_redis.command(str(folder)), "--appendfsync", "no", "--requirepass", SECRETS["REDIS"]]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    client = connect(f"unix://:{SECRETS['REDIS']}@{folder}/redis.sock", "unused", timeout_seconds=20)
    with contextlib.ExitStack() as ends, mirror.running() as upstream:
        ends.callback(server.wait, 10)
        ends.callback(server.kill)
        ends.callback(client.close)
        wait_for_redis(client)
        settings = canaries.SETTINGS.format(socket=folder / "redis.sock", mirror=upstream.url)
        service = Service(tmp_path, Store(client), settings, **SECRETS, PYTHONFAULTHANDLER="1")
        ends.callback(service.stop)
        service.start_web()
        service.start_workers(1)
        yield Watched(service, server, upstream)


def post_good_and_bad(watched: Watched) -> int:
    """Post messages at every endpoint; return how many."""
    service = watched.service
    for batch in canaries.messages(MESSAGES):
        assert service.post(batch, Authorization=SECRETS["SECRET"]).status == 200
    basic = {"Authorization": f"Basic {canaries._basic(SECRETS['WRITE_KEY'] + ':')}"}
    (tracked,) = ([one for batch in canaries.messages(TRACKING) for one in batch],)
    for start in range(0, TRACKING, 300):
        batch = [one | {"messageId": f"t-{one['messageId']}"} for one in tracked[start : start + 300]]
        small = [one for one in batch if len(orjson.dumps(one)) < 2000]
        assert service.post({"batch": small}, "/v1/batch", **basic).status == 200
    token = SECRETS["TOKEN"]
    assert service.post(canaries.impressions(IMPRESSIONS), f"/impressions/flags?token={token}").status == 200
    for path in canaries.pixels(PIXELS):
        assert service.http.request("GET", service.url + path).status == 200
    return MESSAGES + TRACKING + IMPRESSIONS + PIXELS


def knock_wrongly(watched: Watched) -> None:
    """Send what the endpoint or its server refuses, and keep the answers."""
    service = watched.service
    for method, path, body, headers in canaries.refused_requests():
        # What follows a body that is not read to its end would find the connection closed.
        given = {**headers, "Connection": "close"}
        answer = service.http.request(method, service.url + path, body=body, headers=given)
        assert answer.status >= 400, (method, path, answer.data)
        watched.hear("error answers", f"{answer.headers}".encode() + answer.data)
    for request in canaries.no_http():
        # gunicorn's answer quotes to its sender what it has sent; nobody else may hear of it.
        with contextlib.suppress(ConnectionError):
            assert b" 200 " not in speak(service.url, request).partition(b"\r\n")[0]


def break_workers(watched: Watched) -> None:
    """Let a drain crash over a message, kill a worker, and wait until much has gone each way."""
    service = watched.service
    client = service.store.client
    for lane in ("events", "identities"):
        client.xadd(f"sd:web:{lane}:stream", {"m": f'{{"userId": "{EMAIL}'.encode(), "t": 1})
    client.xadd("sd:web:events:stream", {"m": b'"%s"' % EMAIL.encode(), "t": EMAIL})
    service.wait_until(lambda: '"job_failed"' in service.log("worker"), 180)
    watched.hear("command lines", commands_of(service))
    (pid,) = worker_pids(service.processes[-1].pid)
    os.kill(pid, signal.SIGKILL)
    service.wait_until(lambda: set(mirror.STATUSES) <= set(watched.mirror.calls), 180)
    service.wait_until(lambda: service.lane().delivered >= 1000 and service.lane().dead > 0, 180)


def commands_of(service: Service) -> bytes:
    """Return the command lines and titles of all processes of the service."""
    pids = [process.pid for process in service.processes] + worker_pids(service.processes[-1].pid)
    places = [Path(f"/proc/{pid}/{name}") for pid in pids for name in ("cmdline", "comm")]
    return b"\n".join(place.read_bytes() for place in places)


def look_everywhere(watched: Watched) -> None:
    """Ask for the numbers in every way, and read all that Redis holds beside messages."""
    service = watched.service
    watched.hear("/metrics", service.http.request("GET", f"{service.url}/metrics").data)
    # What lists or shows dead letters shows their messages on purpose.
    for words in (
        "status",
        "status --json",
        "check --live",
        "dead replay --all --dry-run",
        "dead drop --all --dry-run",
    ):
        watched.command(*words.split())
    client = service.store.client
    for key in client.scan_iter("*", count=1000):
        if key.endswith(CONTENT):
            continue
        if b":seen:" not in key:
            watched.hear("Redis: " + key.decode(), key + content_of(client, key))
    for name in ("web", "signed", "flags"):
        for _, letter in client.xrange(f"sd:{name}:dead"):
            watched.hear("dead letters beside their message", b"".join(letter.get(part, b"") for part in BESIDE))
            watched.hear("words of dead letters", letter[b"words"])


BESIDE = (b"lane", b"reason", b"detail", b"e")


def content_of(client: redis.Redis, key: bytes) -> bytes:
    """Return all that stands in a key, with what RQ has compressed."""
    readers: Mapping[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
        b"stream": client.xrange,
    }
    kind = client.type(key)
    return b"\n".join(map(opened, texts(readers[kind](key)))) if kind in readers else b""


def texts(found: Any) -> Iterator[bytes]:
    """Yield the texts of an answer of Redis, however deep they stand."""
    if isinstance(found, bytes):
        yield found
    elif found is not None:
        for part in found.items() if isinstance(found, dict) else found:
            yield from texts(part)


def opened(text: bytes) -> bytes:
    """Return a text and, if it is compressed, what is in it."""
    found = [text]
    for decode in (bytes, base64.b64decode):
        with contextlib.suppress(ValueError, zlib.error):
            found.append(zlib.decompress(decode(text)))
    return b" ".join(found)


def take_redis_away(watched: Watched) -> None:
    """Show a wrong password to Redis, then kill it, and ask for everything once more."""
    service = watched.service
    wrong = {"REDIS": f"{canaries.MARK}-wrong"}
    assert watched.command("check", "--live", **wrong) == 1
    watched.server.kill()
    watched.server.wait(10)
    answer = service.post([{"type": "track", "userId": EMAIL, "event": "E"}], Authorization=SECRETS["SECRET"])
    assert answer.status == 503
    watched.hear("error answers", answer.data)
    assert watched.command("dead", "list") == 1
    service.wait_until(lambda: "redis_unavailable" in service.log("worker"), 60)


def break_settings(watched: Watched) -> None:
    """Write secrets into the file, an address that is none, and into variables what no secret may be."""
    file = watched.service.file
    good = literal = file.read_text()
    for name, value in SECRETS.items():
        literal = literal.replace("${" + name + "}", value)
    for text in (literal, good.replace("unix://:", f"redis://{EMAIL}:x:/")):
        file.write_text(text)
        assert watched.command("check") == 2
    file.write_text(good)
    assert watched.command("check", **dict.fromkeys(SECRETS, f"{canaries.MARK}\n")) == 2


@pytest.mark.timeout(600)
def test_canaries_are_found_in_no_output(watched: Watched) -> None:
    """Logs, metrics, commands, RQ's jobs, answers, crash reports: none holds a secret or the address."""
    posted = post_good_and_bad(watched)
    knock_wrongly(watched)
    break_workers(watched)
    look_everywhere(watched)
    take_redis_away(watched)
    break_settings(watched)
    watched.service.stop()
    for name in ("web", "worker"):
        watched.hear(f"{name}'s log", watched.service.log(name))

    leaks = {where: search_of(where)(what) for where, what in watched.said.items()}

    assert posted >= 10_000
    assert len(watched.said) >= 20
    assert [where for where in watched.said if where.startswith("Redis: sd:rq:results:")] != []
    assert b"Traceback" not in watched.said["web's log"]
    assert b"Traceback" not in watched.said["worker's log"]
    assert {where: leak for where, leak in leaks.items() if leak} == {}
    assert EMAIL.encode() in watched.said["words of dead letters"], "the mirror's words are kept for the operator"
    assert b"****" in watched.said["words of dead letters"], "without the key that they quote"


def search_of(where: str) -> Callable[[bytes], bytes]:
    """Return what finds in an output that which must not stand there."""
    may_quote = where.startswith(WITH_WORDS) and (not where.startswith("Redis:") or where.endswith(":rest"))
    return canaries.secrets_in if may_quote else canaries.found_in
