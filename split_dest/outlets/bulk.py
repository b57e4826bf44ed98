"""Bulk calls: which messages' records travel together."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

#: A record as it stands in a body; its length is that in bytes.
Encoded = TypeVar("Encoded", bound=Sized)


@dataclass(slots=True)
class Parcel(Generic[Encoded]):
    """Encoded records of one message that travel in one call; ``last`` of that message's parcels."""

    entry_id: str
    records: Sequence[Encoded]
    last: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one call holds: records, and bytes of its body."""

    records: int
    size_bytes: int


def calls(messages: Iterable[tuple[str, Sequence[Encoded]]], limits: Limits) -> Iterator[list[Parcel[Encoded]]]:
    """Gives the calls that carry the messages' records, each within the limits.

    A message's records stay in one call, so that it is refused or delivered whole, unless they alone go beyond.

    Args:
        messages: a message's place in its stream, and its encoded records.
        limits: of one call.
    """
    call: list[Parcel[Encoded]] = []
    count = size_bytes = 0
    for entry_id, records in messages:
        for parcel, added_bytes in _parcels(entry_id, records, limits):
            count += len(parcel.records)
            size_bytes += added_bytes
            if call and (count > limits.records or size_bytes > limits.size_bytes):
                yield call
                call, count, size_bytes = [], len(parcel.records), added_bytes
            call.append(parcel)
    if call:
        yield call


def _parcels(entry_id: str, records: Sequence[Encoded], limits: Limits) -> Iterable[tuple[Parcel[Encoded], int]]:
    """Gives a message's parcels, nearly always one, each with the bytes that it takes in a body."""
    size_bytes = _size(records)
    if len(records) <= limits.records and size_bytes <= limits.size_bytes:
        return [(Parcel(entry_id, records, last=True), size_bytes)]
    return [(parcel, _size(parcel.records)) for parcel in _cut(entry_id, records, limits)]


def _cut(entry_id: str, records: Sequence[Encoded], limits: Limits) -> Iterator[Parcel[Encoded]]:
    start = size = 0
    for end, record in enumerate(records):
        added = len(record) + 1
        if end > start and (end - start == limits.records or size + added + 1 > limits.size_bytes):
            yield Parcel(entry_id, records[start:end], last=False)
            start, size = end, 0
        size += added
    yield Parcel(entry_id, records[start:], last=True)


def _size(records: Sequence[Sized]) -> int:
    """Gives the bytes that records take in a body: their own, and a comma or bracket around each."""
    return sum(map(len, records)) + len(records) + 1
