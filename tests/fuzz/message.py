"""The items that each endpoint makes of a body's messages: each is read back as it was, or has a reason."""

from collections.abc import Iterator
from typing import Any

import orjson

from split_dest.errors import REASONS, RequestRefused
from split_dest.mapping.acceptance import Item, impression_item, item
from split_dest.mapping.rules import Rules
from split_dest.segment import message, payload, tracking
from split_dest.segment.payload import Unreadable
from split_dest.segment.tracking import KINDS, Call
from tests.support.samples import SAMPLES

MAX_BYTES = 32_768
SEEN = {"key": "u-1", "split": "f", "treatment": "on", "time": 1_572_534_218_971, "properties": "{}"}


def seeds() -> Iterator[bytes]:
    """Yield the recorded bodies, each as another kind of call, and an impression."""
    for number, sample in enumerate(SAMPLES.values()):
        if sample.get("body") is not None:
            yield bytes([number % len(KINDS)]) + orjson.dumps(sample["body"])
    yield b"\0" + orjson.dumps([SEEN, SEEN | {"time": 1.0}])
    yield (
        b"\x0c" + b'{"batch":"[{},]","sentAt":"2020-01-01"}{"batch":[{"userId":{}},,{"event":"A"}],"context":"{}"'
    )


def try_one(data: bytes) -> None:
    """Every message is stored as it will be read, or becomes a dead letter with a listed code."""
    kind = [*KINDS.values()][(data or b"\0")[0] % len(KINDS)]
    call = Call(kind, 1_700_000_000_000, MAX_BYTES, lambda: "new")
    try:
        for entry in payload.messages(data[1:], 500):
            judge(entry, item(entry, Rules(), MAX_BYTES))
            judge(None, impression_item(entry, MAX_BYTES))
        for entry in tracking.posted(data[1:], call):
            assert isinstance(entry, Unreadable) or message.refusal(entry) is None
            judge(entry, item(entry, Rules(), None, "tracking"))
    except RequestRefused as refused:
        assert refused.status in (400, 413)
        assert refused.code in REASONS


def judge(entry: dict[str, Any] | Unreadable | None, stored: Item) -> None:
    """Make sure that an item can be stored, and that a worker reads the accepted message."""
    assert stored.lanes
    assert stored.claim
    assert stored.reason in ("", *REASONS)
    if isinstance(entry, dict) and not stored.reason:
        taken = message.load(entry)
        assert message.restore(stored.text) == taken
        assert message.load(taken.fields) == taken
