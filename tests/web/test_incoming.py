"""A request is whole exactly when its last byte has come, however it is cut on its way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.web.incoming import BodyAwaited, Incoming
from split_dest.web.kept import Room

HEAD = b"POST /webhook/web HTTP/1.1\r\nHost: x\r\n"


def chunked(pieces: list[bytes], trailer: bytes) -> bytes:
    """Gives a request whose body comes in these chunks."""
    body = b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailer + b"\r\n"


def lengthy(body: bytes) -> bytes:
    """Gives a request that tells its body's length."""
    return HEAD + b"content-LENGTH:  %d\r\n\r\n%b" % (len(body), body)


#: Bytes that look like the end of a body, too.
BODIES = st.lists(st.sampled_from([b"0", b"\r\n", b"0\r\n\r\n", b"a" * 300]) | st.binary(min_size=1), max_size=6)
REQUESTS = st.builds(chunked, BODIES, st.sampled_from([b"", b"X-Sum: 1\r\n"])) | BODIES.map(b"".join).map(lengthy)


@given(REQUESTS, st.lists(st.integers(1, 40), min_size=1))
def test_a_request_is_whole_with_its_last_byte(request: bytes, steps: list[int]) -> None:
    """Not a byte before, and what came is given back as it came."""
    incoming, at = Incoming(None), 0
    while at < len(request):
        assert not incoming.is_whole
        step = steps[at % len(steps)]
        incoming.add(request[at : at + step])
        at += step

    assert (incoming.is_whole, incoming.is_ready) == (True, True)
    assert b"".join(incoming.pieces()) == request
    incoming.close()


def test_a_large_body_is_asked_for_and_awaited_once() -> None:
    """The application is asked when the head is there, and again when the body is whole and it is its turn."""
    incoming = Incoming(None)
    incoming.add(HEAD + b"Content-Length: 100000\r\n\r\n")
    assert incoming.is_ready

    with pytest.raises(BodyAwaited):
        incoming.await_body(200_000)
    waits = not incoming.is_ready
    incoming.add(b" " * 100_000)
    incoming.await_body(200_000)

    assert (waits, incoming.is_ready, incoming.is_large) == (True, True, True)
    incoming.close()


def test_a_large_body_that_came_at_once_waits_for_its_turn() -> None:
    """Only the application may ask for it, so only then does it queue."""
    incoming = Incoming(None)
    incoming.add(lengthy(b" " * 100_000))

    with pytest.raises(BodyAwaited):
        incoming.await_body(200_000)
    incoming.await_body(200_000)

    assert incoming.is_large
    incoming.close()


@pytest.mark.parametrize("length", [65_537, 512_000])
def test_a_batch_is_collected_whole_while_there_is_room(length: int) -> None:
    """The application is asked for it once, as a large one, and what it took is others' again."""
    room = Room(length)
    first, second = Incoming(room), Incoming(room)

    first.add(lengthy(b" " * length)[:-1])
    second.add(HEAD + b"Content-Length: %d\r\n\r\n" % length)
    waits = not first.is_ready
    first.add(b" ")
    first.await_body(512_000)

    assert (waits, first.is_ready, first.is_large, second.is_ready) == (True, True, True, True)
    assert b"".join(first.pieces()) == lengthy(b" " * length)
    for _ in range(2):
        first.close()
    assert b"".join(first.pieces()) == b""
    assert (room.take(length), room.take(1)) == (True, False)


def test_a_batch_that_is_cut_gives_its_room_back() -> None:
    """Its sender has ended, or its time is over."""
    room = Room(100_000)
    incoming = Incoming(room)
    incoming.add(lengthy(b" " * 100_000)[:-1])

    incoming.add(b"")

    assert incoming.is_ready
    incoming.close()
    assert room.take(100_000)


@pytest.mark.parametrize(
    ("head", "is_asked"),
    [
        (b"Content-Length: 65536", False),
        (b"Content-Length: 512001", True),
        (b"Content-Length: 70000\r\nExpect: 100-continue", True),
        (b"Content-Length: 70000\r\nTransfer-Encoding: chunked", False),
        (b"Content-Length: 70000\r\nTransfer-Encoding: gzip", True),
    ],
)
def test_what_is_no_batch_takes_no_room(head: bytes, is_asked: bool) -> None:
    """Or its sender waits for a word before it sends the body, or it is none that the parser takes."""
    room = Room(1_000_000)
    incoming = Incoming(room)

    incoming.add(HEAD + head + b"\r\n\r\n")

    assert incoming.is_ready is is_asked
    assert room.take(1_000_000)
    incoming.close()
