"""What one sender costs the others, for anybody can post with a public write key; and what SIGHUP costs them."""

import base64
import gzip
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson
import urllib3

from tests.chaos.ground import Ground, ground, until
from tests.chaos.scenario import Dose, scenario
from tests.support.sandbox import free_port
from tests.support.service import SECRET, procfile, tracks

_KEY = "wk"
_MESSAGES = 2500
_PAUSE_SECONDS = 0.02
_AT_ONCE, _LARGE_AT_ONCE = 30, 15
_LARGE_BYTES = 450_000
_BATCH = 300
#: All that an address holds.
_IN_A_PIXEL = 1_900
_DESTINATIONS = 1000
#: A date, and what a careless expression reads again from each of its places; then what an address holds of it.
_BLANKS = "2020-01-01" + " " * 63_000 + "x"
_BLANKS_IN_ADDRESS = "2020-01-01" + "+" * 7_900 + "x"

_SECRET = {"Authorization": SECRET}


@dataclass(frozen=True, slots=True)
class Request:
    """What a stranger sends."""

    path: str
    body: bytes | None = None

    @property
    def method(self) -> str:
        """GET where there is no body."""
        return "GET" if self.body is None else "POST"


@dataclass(slots=True)
class Beside:
    """What an authenticated sender saw beside strangers: its waits, and what the strangers were answered."""

    post_seconds: list[float] = field(default_factory=list)
    batch_seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


def _envelope(messages: Sequence[object], **beside: object) -> bytes:
    return orjson.dumps({"writeKey": _KEY, "batch": messages, **beside})


@contextmanager
def _town(folder: Path) -> Iterator[Ground]:
    """Give a ground whose only web process also takes messages from anybody."""
    with ground(folder) as on:
        on.service.change("  web:\n", f"  web:\n    write_keys: [{_KEY}]\n")
        on.service.start_web(WEB_CONCURRENCY="1")
        yield on


def _beside(on: Ground, requests: Sequence[Request], number: int) -> Beside:
    """Let strangers send all of these at once, and post messages and batches until all are answered."""
    seen, http = Beside(), urllib3.PoolManager(retries=False, timeout=60)
    before = _children(on)

    def send(request: Request) -> None:
        answer = urllib3.request(request.method, on.service.url + request.path, body=request.body, timeout=120)
        seen.statuses.append(answer.status)

    senders = [threading.Thread(target=send, args=(request,)) for request in requests]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders) or len(seen.post_seconds) < 2:
        for times, many in ((seen.post_seconds, 1), (seen.batch_seconds, _BATCH)):
            began = time.monotonic()
            body = orjson.dumps(tracks(many, number))
            number += many
            assert http.request("POST", f"{on.service.url}/webhook/web", body=body, headers=_SECRET).status == 200
            times.append(time.monotonic() - began)
        time.sleep(_PAUSE_SECONDS)
    http.clear()
    assert _children(on) == before, "a process has ended"
    assert len(seen.statuses) == len(requests), "some were not answered"
    assert set(seen.statuses) <= {200, 400, 401, 429}, set(seen.statuses)
    return seen


def _children(on: Ground) -> list[str]:
    master = on.service.processes[0].pid
    return Path(f"/proc/{master}/task/{master}/children").read_text().split()


def _measured(folder: Path, kinds: Sequence[Sequence[Request]], times: int, most: float, max_batch: float) -> str:
    with _town(folder) as on:
        seen = [_beside(on, kind, 1_000_000 * n) for n, kind in enumerate([*kinds] * times, 1)]
    post = max(seconds for each in seen for seconds in each.post_seconds)
    batch = max(seconds for each in seen for seconds in each.batch_seconds)
    answered = sum(len(each.statuses) for each in seen)
    text = (
        f"{times} times each: a post answered within {post:.2f} s, a batch of {_BATCH} within {batch:.2f} s; "
        f"{answered} of strangers answered, no process ended"
    )
    assert post <= most, text
    assert batch <= max_batch, text
    return text


@scenario(
    "a stranger's post of 63 KB whose time is a date and 63,000 blanks; as a batch's `sentAt`; as a pixel",
    "an authenticated post is answered within 0.5 s",
)
def blanks(folder: Path, dose: Dose) -> str:
    """Times that a careless expression would read for a minute."""
    message = {"writeKey": _KEY, "userId": "u", "event": "e", "timestamp": _BLANKS}
    sent_at = _envelope([{"type": "track", "event": "e", "userId": "u"}] * 40, sentAt=_BLANKS)
    pixel = f"/v1/pixel/track?writeKey={_KEY}&userId=u&event=e&timestamp={quote(_BLANKS_IN_ADDRESS, safe='+')}"
    requests = Request("/v1/track", orjson.dumps(message)), Request("/v1/batch", sent_at), Request(pixel)
    return _measured(folder, [[request] for request in requests], dose.of(1, 20), 0.5, 0.5)


@scenario(
    "30 posts at once by a write key, each of 2,500 messages that are refused: empty, objects as ids, all unlike, "
    "numbers, in gzip behind an empty member, in a text, as pixels",
    "an authenticated post is answered within 1 s, a batch of 300 within 2 s; all 30 answered, no process ended",
)
def floods(folder: Path, dose: Dose) -> str:
    """Messages that cost their sender some bytes each."""
    batch, zipped = _envelope([{}] * _MESSAGES), gzip.compress(b"")
    bodies = [
        batch,
        _envelope([{"userId": {}}] * _MESSAGES),
        _envelope([{"userId": {"a": number}} for number in range(_MESSAGES)]),
        _envelope([0] * _MESSAGES),
        zipped + gzip.compress(batch),
        orjson.dumps({"writeKey": _KEY, "batch": "[" + "{}," * _MESSAGES + "{}]"}),
    ]
    pixel = quote(base64.urlsafe_b64encode(_envelope([{}] * _IN_A_PIXEL)))
    kinds = [[Request("/v1/batch", body)] * _AT_ONCE for body in bodies]
    kinds.append([Request(f"/v1/pixel/batch?data={pixel}")] * _AT_ONCE)
    return _measured(folder, kinds, dose.of(1, 10), 1.0, 2.0)


@scenario(
    "15 posts at once of 450 KB by a write key; as many whose messages have no commas between them; 30 of nothing "
    "but brackets that never end, and of empty lists beside a number that is none; the same in gzip, by nobody",
    "an authenticated post is answered within 1 s, a batch of 300 within 2 s; all answered, no process ended",
)
def large_posts(folder: Path, dose: Dose) -> str:
    """As large as Segment's SDKs make them."""
    message = {"type": "track", "event": "e", "userId": "u", "properties": {"note": "x" * 300}}
    many = _LARGE_BYTES // len(orjson.dumps(message))
    whole = _envelope([message] * many)
    kinds = [[Request("/v1/batch", body)] * _LARGE_AT_ONCE for body in (whole, whole.replace(b"}},{", b"}} {"))]
    brackets = [*_brackets(_KEY), *map(gzip.compress, _brackets("none"))]
    # The first and the last are the slowest of their kinds to read.
    kinds += [[Request("/v1/batch", body)] * _AT_ONCE for body in dose.of(brackets[::7], brackets)]
    return _measured(folder, kinds, dose.of(1, 10), 1.0, 2.0)


def _brackets(write_key: str) -> list[bytes]:
    """Return bodies of as many bytes of brackets, of which nothing is readable."""
    head = f'{{"writeKey":"{write_key}","batch":['.encode()
    endless = [head + piece * (_LARGE_BYTES // len(piece)) for piece in (b"[,", b"[1,", b'{"a":')]
    return [*endless, head + b'{"p":[' + b"[]," * (_LARGE_BYTES // 3) + b"NaN]}]}"]


@scenario(
    "SIGHUP with 1,000 destinations, to gunicorn's master and to `split-dest run`",
    "posts are answered within 1 s meanwhile; each process reads the settings once for one signal",
)
def hang_ups(folder: Path, dose: Dose) -> str:
    """The application is made again while it works."""
    with ground(folder) as on:
        one = on.service.file.read_text().partition("destinations:\n")[2]
        many = "".join(one.replace("  web:", f"  d{number}:", 1) for number in range(1, _DESTINATIONS))
        on.service.change(one, one + many)
        times = dose.of(1, 10)
        web = on.service.start_web(WEB_CONCURRENCY="1")
        alone = max(_hung_up(on, web.send_signal, "web", 2, n) for n in range(times))
        on.service.stop(web)
        run = _start_run(on)
        within = max(_hung_up(on, run.send_signal, "run", 3, times + n) for n in range(times))
        on.service.stop(run)
    text = (
        f"{times} times each: a post answered within {alone:.2f} s, under `split-dest run` within {within:.2f} s"
    )
    assert max(alone, within) <= 1.0, text
    return text


def _start_run(on: Ground) -> subprocess.Popen[bytes]:
    port = free_port()
    on.service.url = f"http://127.0.0.1:{port}"
    file = on.service.folder / "Procfile"
    file.write_text("".join(f"{name}: {command}\n" for name, command in procfile().items()))
    words = ["split-dest", "run", "--procfile", str(file)]
    run = on.service._start("run", words, HOST="127.0.0.1", PORT=str(port), WORKER_CONCURRENCY="1")
    until(lambda: _is_up(port), 60, "split-dest run answers")
    return run


def _is_up(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _hung_up(on: Ground, send: Callable[[int], None], log: str, readers: int, number: int) -> float:
    """Send SIGHUP, and post until all have read the settings; return how long the slowest answer took."""
    before, slowest, ends = _reads(on, log), 0.0, None
    send(signal.SIGHUP)
    # Whoever read them twice would be seen a moment later.
    while ends is None or time.monotonic() < ends:
        began = time.monotonic()
        assert on.service.post(tracks(1, number)).status == 200
        slowest = max(slowest, time.monotonic() - began)
        if ends is None and _reads(on, log) >= before + readers:
            ends = time.monotonic() + 2
        time.sleep(_PAUSE_SECONDS)
    assert _reads(on, log) == before + readers
    return slowest


def _reads(on: Ground, log: str) -> int:
    return on.service.log(log).count('"event":"settings_read"')
