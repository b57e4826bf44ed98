"""Requests that lie or flood, to a real gunicorn: each has its right answer, and no line of the log is a fault."""

import gzip
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import orjson
import pytest

from split_dest.inbox.dead_letters import browse
from tests.support.endpoint import basic
from tests.support.service import SECRET, Service, tracks

HEAD = f"POST /webhook/web HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\n".encode()
BODY = orjson.dumps(tracks(1))
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def headed(*headers: bytes, body: bytes = BODY) -> bytes:
    """Return a request with these headers."""
    return HEAD + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


#: What is sent, and the status that answers it; None: the connection ends without one.
REQUESTS = {
    "length larger than what comes": (headed(b"Content-Length: 900"), 408),
    "length far beyond the limit": (headed(b"Content-Length: 900000000000"), 413),
    "length that is no number": (headed(b"Content-Length: 1e3"), 400),
    "negative length": (headed(b"Content-Length: -1"), 400),
    "two lengths": (headed(b"Content-Length: 3", b"Content-Length: 150"), 400),
    "the same length twice": (headed(*[b"Content-Length: %d" % len(BODY)] * 2), 400),
    "length and chunks": (headed(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "chunks twice": (headed(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 400),
    "chunks in gzip": (headed(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"), 400),
    "a coding that nobody knows": (headed(b"Transfer-Encoding: x", body=b""), 501),
    "a chunk without a length": (CHUNKED + b"x\r\n[]\r\n0\r\n\r\n", 400),
    "a chunk shorter than it says": (CHUNKED + b"9\r\n[]\r\n0\r\n\r\nx", 400),
    "a chunk of a terabyte": (CHUNKED + b"fffffffffff\r\n" + b"[" * 1000, 408),
    "chunks of a byte": (CHUNKED + b"1\r\n \r\n" * 110_000, 413),
    "chunks of a byte that end early": (CHUNKED + b"1\r\n \r\n" * 20_000, 408),
    "chunks over the limit": (CHUNKED + b"10000\r\n" * 1 + b"[" * 65_536 + b"\r\n10000\r\n" + b"[" * 65_536, 413),
    "a thousand headers": (headed(*[b"X-%d: y" % n for n in range(1000)]), 431),
    "a header of a megabyte": (headed(b"X: " + b"y" * 1_000_000), 431),
    "headers without end": (HEAD + b"X: y\r\n" * 150_000, 431),
    "headers that are cut": (HEAD + b"X: y\r\n" * 50_000, None),
    "an address of a megabyte": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", 414),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00" * 10 + b"\r\n\r\n", 400),
    "lines without a return": (b"GET /livez HTTP/1.1\nHost: x\n\n", 400),
    "a header without a colon": (headed(b"Authorization " + SECRET.encode()), 400),
    "a head that is cut": (HEAD, None),
}


@pytest.fixture(scope="module")
def started_web(make_lasting_service: Callable[..., Service]) -> Service:
    """A web process whose bodies may have 100,000 bytes."""
    service = make_lasting_service("    write_keys: [wk]\nintake: {max_body_bytes: 100000}\n")
    service.start_web()
    return service


@pytest.fixture
def web(started_web: Service) -> Iterator[Service]:
    """The same process with nothing received; its log holds no fault in the end."""
    service = started_web
    service.forget()
    yield service
    assert '"level":"error"' not in service.log("web")
    assert "Traceback" not in service.log("web")
    assert SECRET not in service.log("web")


def speak(url: str, request: bytes) -> int | None:
    """Return the status that answers raw bytes after which the sender ends; None: none came."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").readline().split()
    return int(answer[1]) if answer else None


def test_requests_that_lie_have_their_right_answer(web: Service) -> None:
    """Lengths, chunks and heads that are wrong or endless are 4xx, and nothing of them is stored."""
    answers = {name: speak(web.url, request) for name, (request, _) in REQUESTS.items()}

    assert answers == {name: status for name, (_, status) in REQUESTS.items()}
    assert web.lane().received == 0


def test_a_body_longer_than_its_length_is_no_second_request_in_disguise(web: Service) -> None:
    """The rest is read as what it is, a request that nobody can read, and the connection ends."""
    at = urlsplit(web.url)

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(headed(b"Content-Length: %d" % len(BODY), body=BODY + b'{"more":1}\r\n\r\n'))
        answers = connection.makefile("rb").read()

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"400"]
    assert web.lane().received == 1


def test_a_length_with_zeros_before_it_hides_no_second_request(web: Service) -> None:
    """The body is a body however its length is written, and whole when it comes later."""
    at = urlsplit(web.url)
    hidden = headed(b"Content-Length: %d" % len(BODY))
    sent = b"POST /v1/m HTTP/1.1\r\nHost: x\r\nContent-Length: %030d\r\n\r\n" % len(hidden)

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(sent)
        time.sleep(0.2)
        connection.sendall(hidden)
        connection.shutdown(socket.SHUT_WR)
        answers = connection.makefile("rb").read()

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200"]
    assert web.lane().received == 0


def test_a_sender_that_waits_with_chunks_is_asked_for_them(web: Service) -> None:
    """Expect: 100-continue is answered before the first chunk."""
    at = urlsplit(web.url)

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(headed(b"Expect: 100-continue", b"Transfer-Encoding: chunked", body=b""))
        lines = connection.makefile("rb")
        first = [lines.readline(), lines.readline()]
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
        last = lines.readline()

    assert [first[0].split()[1], last.split()[1]] == [b"100", b"200"]


def test_requests_behind_one_another_are_answered_in_order(web: Service) -> None:
    """A sender that does not wait for answers gets them all."""
    at = urlsplit(web.url)
    bodies = [orjson.dumps(tracks(1, number)) for number in range(20)]
    sent = b"".join(headed(b"Content-Length: %d" % len(body), body=body) for body in bodies)

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answers = connection.makefile("rb").read()

    assert answers.count(b"HTTP/1.1 200 OK") == 20
    assert web.lane().received == 20


def flood(connection: socket.socket) -> bytes:
    """Send until the other side hangs up; return what it said before."""
    connection.setblocking(False)
    said, ends = b"", time.monotonic() + 60
    while time.monotonic() < ends:
        with suppress(BlockingIOError):
            said += connection.recv(65_536)
        try:
            connection.send(b" " * 4096)
        except BlockingIOError:
            pass
        except ConnectionError:
            return said
        time.sleep(0.001)
    raise AssertionError("never cut off")


def test_a_sender_that_goes_on_over_the_limit_is_told_and_cut_off(web: Service) -> None:
    """It has its 413 though its chunk never ends, and then its connection does."""
    at = urlsplit(web.url)

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(CHUNKED + b"ffffffff\r\n")
        told = flood(connection)

    assert told.startswith(b"HTTP/1.1 413 ")


def test_a_sender_that_waits_for_100_continue_is_told_once(web: Service) -> None:
    """Expect: 100-continue is answered once."""
    at = urlsplit(web.url)
    body = BODY + b" " * 90_000
    expecting = [b"Expect: 100-continue", b"Content-Length: %d" % len(body)]

    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(headed(*expecting, body=b""))
        lines = connection.makefile("rb")
        first = [lines.readline(), lines.readline()]
        connection.sendall(body)
        last = lines.readline()
    assert [first[0].split()[1], last.split()[1]] == [b"100", b"200"]


@pytest.mark.parametrize("endpoint", ["webhook", "tracking"])
def test_bodies_that_cost_much_have_their_right_answer(web: Service, endpoint: str) -> None:
    """Bombs, depth, endless numbers: 4xx, or set aside with a reason."""
    bodies = {
        gzip.compress(b"[" + b" " * 50_000_000 + b"]"): "body_too_large",
        gzip.compress(gzip.compress(b"[]")): "invalid_json",
        b"[" * 40_000: "invalid_json",
        b"," * 90_000: "invalid_json",
        b'"' * 90_000: "invalid_json",
        b'[{"type":"track","userId":1e999}]': "number_not_finite",
        b'[{"type":"track","userId":' + b"9" * 90_000 + b"}]": "number_not_finite",
        b'[{"type":"track","event":"A","userId":'
        + b'{"a":' * 10_000
        + b"1"
        + b"}" * 10_001
        + b"]": "id_not_string",
    }
    path, secret = ("/webhook/web", SECRET) if endpoint == "webhook" else ("/v1/batch", basic("wk"))

    codes = {name: web.post(name, path, Authorization=secret).json().get("code") for name in bodies}

    kept = [letter.reason for letter in browse(web.store, "web")]
    refused = {code for code in codes.values() if code}
    assert refused | set(kept) == set(bodies.values())
    assert sorted(kept) == ["id_not_string", "number_not_finite", "number_not_finite"]


def test_the_second_of_two_equal_keys_counts(web: Service) -> None:
    """As in every JSON reader, so that nobody sees another message than we do."""
    web.post(b'[{"type":"track","type":"identify","userId":"a","userId":"b","traits":{"a":1}}]')

    assert (web.lane("identities").pending, web.lane().pending) == (1, 0)
