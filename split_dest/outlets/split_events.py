"""Split's Events API: bulk calls of events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from split_dest.outlets.http import USER_AGENT, Request
from split_dest.split.records import Event


@dataclass(frozen=True, slots=True)
class Parcel:
    """Encoded events of one message that travel in one call; ``last`` of that message's parcels."""

    entry_id: str
    events: tuple[bytes, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one call holds: events, and bytes of its body."""

    events: int
    size_bytes: int


def request(events_url: str, sdk_key: str, events: Iterable[bytes]) -> Request:
    """Gives the call that sends encoded events.

    Source:
        docs.split.io, reference/create-events; python-client, api/events.py.
    """
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {sdk_key}",
        "User-Agent": USER_AGENT,
    }
    return Request("POST", f"{events_url}/events/bulk", headers, b"[" + b",".join(events) + b"]", "/events/bulk")


def encode(event: Event) -> bytes:
    """Gives an event as Split reads it."""
    return orjson.dumps(event.to_json())


def calls(messages: Iterable[tuple[str, Sequence[bytes]]], limits: Limits) -> Iterator[list[Parcel]]:
    """Gives the calls that carry the messages' events, each within the limits.

    A message's events stay in one call, so that it is refused or delivered whole, unless they alone go beyond.

    Args:
        messages: a message's place in its stream, and its encoded events.
        limits: of one call.
    """
    call: list[Parcel] = []
    room = limits
    for parcel in (parcel for entry_id, events in messages for parcel in _parcels(entry_id, events, limits)):
        size = _size(parcel.events)
        if call and (len(parcel.events) > room.events or size > room.size_bytes):
            yield call
            call, room = [], limits
        call.append(parcel)
        room = Limits(room.events - len(parcel.events), room.size_bytes - size)
    if call:
        yield call


def _parcels(entry_id: str, events: Sequence[bytes], limits: Limits) -> Iterator[Parcel]:
    start, room = 0, limits
    for end, event in enumerate(events):
        if end > start and (room.events < 1 or room.size_bytes < len(event)):
            yield Parcel(entry_id, tuple(events[start:end]), last=False)
            start, room = end, limits
        room = Limits(room.events - 1, room.size_bytes - _size([event]))
    yield Parcel(entry_id, tuple(events[start:]), last=True)


def _size(events: Sequence[bytes]) -> int:
    """Gives the bytes that events take in a body: their own, and a comma or bracket around each."""
    return sum(map(len, events)) + len(events) + 1
