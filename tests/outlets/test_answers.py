"""However much an answer holds, however it is packed: a call reads a megabyte of it, and ends in time."""

import gzip
import resource
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress

import pytest

from split_dest.errors import Refused, Remedy
from split_dest.outlets.http import HttpClient, HttpResponse, Request
from tests.outlets.answers import Answer, answer, answering, endless

MB = 1_000_000
_GZIP = "Content-Encoding: gzip"
_BOMB = gzip.compress(b"\0" * 200 * MB)
_TOO_LONG = "POST /events/bulk: an answer of more than 1 MB"


def hang_up(client: HttpClient) -> None:
    """Close a client's connections: those of a pool that is only cleared stay while anything refers to it."""
    for key in client._pool.pools.keys():  # noqa: SIM118 - it is no dictionary
        client._pool.pools[key].close()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    """A client whose connections are closed after the test."""
    made = HttpClient(30)
    yield made
    hang_up(made)


def send(client: HttpClient, url: str) -> HttpResponse:
    """Make one call."""
    return client.send(Request("POST", url, {}, b"[]", "/events/bulk"))


def refusal(of: Answer, seconds: float = 30) -> Refused:
    """Return with what a call is refused."""
    client = HttpClient(seconds)
    with answering(of) as server:
        with pytest.raises(Refused) as refused:
            send(client, server.url)
        hang_up(client)
    return refused.value


@pytest.mark.parametrize(
    ("of", "body"),
    [
        (answer(b"x" * MB), b"x" * MB),
        (answer(gzip.compress(b"y" * MB), _GZIP), b"y" * MB),
        (answer(gzip.compress(b"a") + gzip.compress(b"b"), _GZIP), b"ab"),
        (answer(zlib.compress(b"z"), "Content-Encoding: deflate"), b"z"),
        (answer(b"", status="204 No Content"), b""),
        (endless(b"k", times=7), b"kkkkkkk"),
    ],
    ids=["a megabyte", "packed", "packed in two members", "deflated", "nothing", "to the end"],
)
def test_an_answer_of_up_to_a_megabyte_is_read(client: HttpClient, of: Answer, body: bytes) -> None:
    """Plain or packed."""
    with answering(of) as server:
        assert send(client, server.url).body == body
        hang_up(client)


_LONG = {
    "a byte more": answer(b"x" * (MB + 1)),
    "endless": endless(b"x" * 65_536),
    "endless in chunks": endless(b"10000\r\n" + b"x" * 65_536 + b"\r\n", "Transfer-Encoding: chunked"),
    "a bomb": answer(_BOMB, _GZIP),
    "an endless bomb": endless(_BOMB, _GZIP),
    "a deflated bomb": answer(zlib.compress(b"\0" * 200 * MB), "Content-Encoding: deflate"),
}


@pytest.mark.parametrize("of", _LONG.values(), ids=_LONG)
def test_a_longer_one_is_refused_at_once(of: Answer) -> None:
    """Its messages wait, for Split may have taken them or not; memory stays as it was."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()

    refused = refusal(of)

    assert (refused.code, refused.detail, refused.remedy) == ("upstream_error", _TOO_LONG, Remedy.WAIT)
    assert time.monotonic() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


@pytest.mark.parametrize(
    "coding", ["gzip, gzip", "gzip,deflate", "identity, gzip", "gzip\r\nContent-Encoding: gzip"]
)
def test_what_is_packed_twice_is_not_inflated(coding: str) -> None:
    """A few hundred bytes would be half a gigabyte on the way."""
    packed = gzip.compress(gzip.compress(b"\0" * 100 * MB))

    refused = refusal(answer(packed, f"Content-Encoding: {coding}"))

    assert (refused.code, refused.detail) == (
        "upstream_error",
        "POST /events/bulk: an answer that can't be inflated",
    )


def test_what_is_no_gzip_is_refused() -> None:
    """Though it says so."""
    refused = refusal(answer(b"no gzip at all", _GZIP))

    assert (refused.code, refused.remedy) == ("upstream_error", Remedy.WAIT)


@pytest.mark.parametrize(
    "piece", [gzip.compress(b""), gzip.compress(b"") * 3000], ids=["single", "many at a time"]
)
def test_inflating_has_the_same_deadline(piece: bytes) -> None:
    """Of a stream that inflates to nothing no megabyte ever comes."""
    started = time.monotonic()

    refused = refusal(endless(piece, _GZIP, times=10_000_000), 1)

    assert refused.code == "upstream_timeout"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (endless(b"wrong key. ", status="400 Bad Request"), "wrong key. wrong key."),
        (answer(b"oops " * MB, status="400 Bad Request"), "oops oops"),
        (answer(gzip.compress(b"packed " * MB), _GZIP, status="400 Bad Request"), "packed packed"),
        (answer(b"\0\xff no gzip", _GZIP, status="400 Bad Request"), ""),
        (answer(b"x", "Content-Encoding: gzip, gzip", status="400 Bad Request"), ""),
    ],
    ids=["endless", "long", "packed", "no gzip", "packed twice"],
)
def test_a_refusal_counts_whatever_its_words_are(of: Answer, words: str) -> None:
    """The status says that a record is wrong, and is not lost with the rest."""
    refused = refusal(of)

    assert (refused.code, refused.detail) == ("record_refused", "POST /events/bulk: 400")
    assert refused.words.startswith(words)
    assert len(refused.words) <= 500


def test_how_long_to_wait_counts_even_if_the_rest_never_ends() -> None:
    """The headers came first."""
    refused = refusal(endless(b"busy ", "Retry-After: 7", status="503 Service Unavailable"))

    assert (refused.code, refused.wait_seconds) == ("upstream_error", 7)


@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (answer(b"{}"), 1),
        (answer(b"no", status="400 Bad Request"), 1),
        (answer(gzip.compress(b"{}"), _GZIP), 1),
        (answer(b"x" * 5 * MB), 2),
        (answer(b"x" * 5 * MB, status="503 Service Unavailable"), 2),
        (answer(_BOMB, _GZIP), 2),
    ],
    ids=["good", "refused", "packed", "too long", "refused at length", "a bomb"],
)
def test_a_connection_stays_open_only_if_its_answer_was_read(
    client: HttpClient, first: Answer, connections: int
) -> None:
    """What is left of one answer is never taken for the next."""
    with answering(first, answer(b"second")) as server:
        with suppress(Refused):
            send(client, server.url)

        assert send(client, server.url).body == b"second"
        assert server.connections == connections
        assert all(b"accept-encoding: identity" in head.lower() for head in server.heads)
        hang_up(client)
