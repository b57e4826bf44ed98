"""Large bodies that could cost much: giants are dead letters, heaps of marks are refused, and time is linear."""

import time
from contextlib import suppress

import pytest

from split_dest.errors import RequestRefused
from split_dest.segment import damaged, payload
from split_dest.segment.payload import Unreadable, messages

A, B = b'{"event":"A"}', b'{"event":"B"}'
GIANT = b"{" + b",".join(b'"key %d":1' % n for n in range(250_000)) + b"}"
PIECE = Unreadable(b"}", payload.messages(b"[NaN,a]")[1].rejection)
MARKS = [
    *(b"[" * 1_200_000, b'"' * 1_200_000, b"," * 1_200_000),
    *(b'["",' * 300_000, b"[]," * 400_000, b'{"":' * 300_000),
]


@pytest.mark.parametrize(
    "form",
    [
        *(b"%b", b"\xef\xbb\xbf%b", b" [%b]", b"[%b", b"[%b}"),
        *(b'[{"type":"track"},%b]', b'{"batch":[{"type":"track"},%b]}', b'[{"type":"track"},,%b'),
    ],
)
def test_a_giant_is_set_aside_and_its_neighbours_are_read(form: bytes) -> None:
    """A giant costs neither its batch nor the messages before it."""
    *others, giant = (each for each in messages(form % GIANT) if each != PIECE)

    assert isinstance(giant, Unreadable)
    assert giant.text == GIANT
    assert giant.rejection.code == "message_too_large"
    assert others == [{"type": "track"}] * len(others)


@pytest.mark.parametrize("body", [*MARKS, b" " * 1_200_000 + b"1", GIANT[:-1]])
def test_a_large_body_that_is_no_json_is_refused(body: bytes) -> None:
    """A large body is refused if it is only marks, a scalar, or a giant without an end."""
    with pytest.raises(RequestRefused) as caught:
        messages(body)

    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"


def test_too_many_are_refused_before_they_are_all_cut() -> None:
    """The limit on messages applies before any of them is parsed."""
    with pytest.raises(RequestRefused) as caught:
        messages(b"[" + b"10," * 500_000 + b"0]", payload.MAX_MESSAGES)

    assert caught.value.status == 413
    assert caught.value.code == "too_many_messages"


_SIZE = 5_000_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + b'"\\' * (_SIZE // 2), id="texts that never end"),
        pytest.param(b'[NaN,"' + b'\\"' * (_SIZE // 2), id="escaped quotes"),
        pytest.param(b'{"a":[NaN,"' + b'""' * (_SIZE // 2), id="texts side by side"),
        pytest.param(b"[" * _SIZE, id="brackets"),
        pytest.param(b'{"a":' * (_SIZE // 10), id="objects without end"),
        pytest.param(b'{"a":' * (_SIZE // 12) + b"1" + b"}" * (_SIZE // 12), id="objects in objects"),
        pytest.param(b'[{"a":[NaN' + b",1" * (_SIZE // 2) + b"]}]", id="numbers"),
        pytest.param(b'[{"a":[NaN' + b",[]" * (_SIZE // 60) + b"]}]", id="empty arrays"),
        pytest.param(b'[{"a":' + b"1" * _SIZE + b"}]", id="one number"),
        pytest.param(b'[{"a":0.' + b"1" * _SIZE + b',"b":NaN}]', id="one fraction"),
        pytest.param(b'[{"a":"' + b"\xff" * _SIZE + b'"}]', id="bytes that are no text"),
        pytest.param(b"[" + b"," * _SIZE + b"]", id="commas"),
        pytest.param(b" " * _SIZE + b"NaN", id="blanks"),
        pytest.param(b'{"a\n' * (_SIZE // 4), id="lines that are cut"),
        pytest.param(b'{"batch":[{"a":1}' * (_SIZE // 17), id="batches in batches"),
        pytest.param(b'{"batch":[},' * (_SIZE // 12), id="batches that never end"),
        pytest.param(b' "' * (_SIZE // 2), id="quotes"),
        pytest.param(b'{"batch":[' * (_SIZE // 10), id="batches without messages"),
        pytest.param(b'{"batch":[' + b'{"a":' * 64 * (_SIZE // 640), id="messages that never end"),
        pytest.param(b"[" + (b'{"a":' * 64 + b"}" * 64) * (_SIZE // 384) + b"]", id="objects of 64 levels"),
        pytest.param(b"{" + b'"type":"' * (_SIZE // 8), id="names without values"),
        pytest.param(b'{"a":[NaN' + b",[1234567890]" * (_SIZE // 13) + b"]}", id="arrays in a bad message"),
        pytest.param(
            b"[" + b'{"type":"track","a":"%01000d"},' % 0 * 4000 + b"NaN]", id="a batch and a bad message"
        ),
    ],
)
def test_a_hostile_body_costs_little_time(body: bytes):
    """Any five megabytes, an endpoint's limit, are read, and cut for a signature, within seconds."""
    started = time.process_time()

    payload.signed_texts(body)
    with suppress(RequestRefused):
        messages(body, payload.MAX_MESSAGES)

    assert time.process_time() - started < 3


def test_a_heap_of_damage_ends_the_reading():
    """After two thousand brackets that lead to no message the rest of the body is one piece."""
    heap = b"[]" * (damaged.MAX_IDLE_STEPS + 1)

    items = messages(A + heap + B)
    assert len(items) == 2
    assert isinstance(items[1], Unreadable)
    assert items[1].text.endswith(B)
    for form in (b"[%b" + b"}," * 9000 + b"{}]", b'{"batch":[%b],' + b"[]," * 9000 + b'"writeKey":"w"}'):
        assert messages(form % A)[0] == {"event": "A"}


@pytest.mark.parametrize("between", [b"", b"\n", b",\n", b"\n,"])
def test_damage_costs_time_once(between: bytes):
    """Cut messages, in one line or in many, are each read once."""
    body = b"[" + between.join([b'{"type":"track","a":{"b":"c', A] * 30_000)
    started = time.process_time()

    with suppress(RequestRefused):
        messages(body, payload.MAX_MESSAGES)

    assert time.process_time() - started < 3
