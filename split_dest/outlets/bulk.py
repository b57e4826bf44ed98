"""Bulk calls: which messages' records travel together."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

#: A record as it is written in a body; its length is that in bytes.
Encoded = TypeVar("Encoded", bound=Sized)


@dataclass(slots=True)
class Chunk(Generic[Encoded]):
    """Encoded records of one message that travel in one call; ``is_last`` for that message's last chunk."""

    entry_id: str
    records: Sequence[Encoded]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one call holds: records, and bytes of its body."""

    records: int
    size_bytes: int


def calls(messages: Iterable[tuple[str, Sequence[Encoded]]], limits: Limits) -> Iterator[list[Chunk[Encoded]]]:
    """Yield the calls that carry the messages' records, each within the limits.

    A message's records stay in one call, so that it is refused or delivered whole, unless they alone exceed the
    limits.

    Args:
        messages: a message's id in its stream, and its encoded records.
        limits: of one call.
    """
    call: list[Chunk[Encoded]] = []
    count = size_bytes = 0
    for entry_id, records in messages:
        for chunk, added_bytes in _chunks(entry_id, records, limits):
            count += len(chunk.records)
            size_bytes += added_bytes
            if call and (count > limits.records or size_bytes > limits.size_bytes):
                yield call
                call, count, size_bytes = [], len(chunk.records), added_bytes
            call.append(chunk)
    if call:
        yield call


def _chunks(entry_id: str, records: Sequence[Encoded], limits: Limits) -> Iterable[tuple[Chunk[Encoded], int]]:
    """Return a message's chunks, nearly always one, each with the bytes that it takes in a body."""
    size_bytes = _size(records)
    if len(records) <= limits.records and size_bytes <= limits.size_bytes:
        return [(Chunk(entry_id, records, is_last=True), size_bytes)]
    return [(chunk, _size(chunk.records)) for chunk in _cut(entry_id, records, limits)]


def _cut(entry_id: str, records: Sequence[Encoded], limits: Limits) -> Iterator[Chunk[Encoded]]:
    start = size = 0
    for end, record in enumerate(records):
        added = len(record) + 1
        if end > start and (end - start == limits.records or size + added + 1 > limits.size_bytes):
            yield Chunk(entry_id, records[start:end], is_last=False)
            start, size = end, 0
        size += added
    yield Chunk(entry_id, records[start:], is_last=True)


def _size(records: Sequence[Sized]) -> int:
    """Return the bytes that records take in a body: their own, and a comma or bracket around each."""
    return sum(map(len, records)) + len(records) + 1
