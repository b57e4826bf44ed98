"""A request's body, from the bytes on the wire to single messages."""

import gzip
from collections.abc import Iterator
from typing import Any

import orjson

from split_dest.errors import REASONS, RequestRefused
from split_dest.segment import payload
from split_dest.segment.payload import Unreadable
from split_dest.web.body import Body
from tests.support.samples import SAMPLES

MAX_BYTES, MAX_MESSAGES = 50_000, 500
PLAIN, PACKED = b"p", b"z"
FIRST = {"type": "track", "event": "First"}


def seeds() -> Iterator[bytes]:
    """Yield the recorded bodies, plain, packed here, and packed by the sender."""
    for sample in SAMPLES.values():
        if sample.get("body") is not None:
            text = orjson.dumps(sample["body"])
            yield from (PLAIN + text, PACKED + text, PLAIN + gzip.compress(text, mtime=0))
    yield PLAIN + b'[{"type":"track"},nonsense,{"a":1e999},{"b":"\\ud800"},' + b"[" * 70 + b"]" * 70 + b"]"
    yield PLAIN + b'{"batch":[,{"type":"track"}{"a":{"b":"c},\n{"type":"page"}],"writeKey":"w"}{"batch":[{"a":[1,'
    yield PLAIN + b'x [{"a":1}},{"b":2}],"sentAt":"s"}\n{"writeKey":"w","batch":[{"c":"d"e"},"context":{"f":1}}, 5'


def try_one(data: bytes) -> None:
    """Every body is read within its limits, or refused with a status and a listed code."""
    kind, sent = data[:1], data[1:]
    sent = gzip.compress(sent, 1, mtime=0) if kind == PACKED else sent
    try:
        with Body(MAX_BYTES, len(sent)) as body:
            body.add(sent)
            received = body.text()
        assert len(received) <= MAX_BYTES
        payload.signed_texts(received)
        judge(payload.messages(received, MAX_MESSAGES))
        # Whatever is joined to a message costs it nothing.
        first, *others = payload.messages(orjson.dumps(FIRST) + b"\n" + received, MAX_MESSAGES)
        assert first == FIRST
        judge(others)
    except RequestRefused as refused:
        assert refused.status in (400, 413)
        assert refused.code in REASONS


def judge(items: list[dict[str, Any] | Unreadable]) -> None:
    """Make sure that each message can be written again or has a listed reason; all pieces are one message more."""
    assert len(items) <= MAX_MESSAGES + 1
    for each in items:
        if isinstance(each, Unreadable):
            assert each.rejection.code in REASONS
        else:
            assert orjson.loads(payload.text(each)) == each
