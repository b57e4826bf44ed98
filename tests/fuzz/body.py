"""A request's body, from the bytes on the wire to single messages."""

import gzip
from collections.abc import Iterator

import orjson
from flask import Request
from werkzeug.test import EnvironBuilder

from split_dest.errors import REASONS, RequestRefused
from split_dest.segment import payload
from split_dest.segment.payload import Unreadable
from split_dest.web import body
from tests.segment.samples import SAMPLES

MOST_BYTES, MOST_MESSAGES = 50_000, 500
PLAIN, PACKED = b"p", b"z"


def seeds() -> Iterator[bytes]:
    """Gives the recorded bodies, plain, packed here, and packed by the sender."""
    for sample in SAMPLES.values():
        if sample.get("body") is not None:
            text = orjson.dumps(sample["body"])
            yield from (PLAIN + text, PACKED + text, PLAIN + gzip.compress(text, mtime=0))
    yield PLAIN + b'[{"type":"track"},nonsense,{"a":1e999},{"b":"\\ud800"},' + b"[" * 70 + b"]" * 70 + b"]"


def try_one(data: bytes) -> None:
    """Every body is read within its limits, or refused with a status and a listed code."""
    kind, sent = data[:1], data[1:]
    sent = gzip.compress(sent, 1, mtime=0) if kind == PACKED else sent
    try:
        received = body.read(Request(EnvironBuilder(method="POST", data=sent).get_environ()), MOST_BYTES)
        assert len(received) <= MOST_BYTES
        payload.signed_texts(received)
        found = payload.messages(received, MOST_MESSAGES)
    except RequestRefused as refused:
        assert refused.status in (400, 413)
        assert refused.code in REASONS
        return
    assert len(found) <= MOST_MESSAGES
    for each in found:
        if isinstance(each, Unreadable):
            assert each.rejection.code in REASONS
        else:
            assert orjson.loads(payload.text(each)) == each
