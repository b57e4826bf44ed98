"""Dead letters: messages that were not delivered, kept with the reason until a person replays or drops them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported

#: The reason codes that a dead letter can have: first those of the endpoints, then those of the workers.
CODES = (
    "not_json",
    "not_an_object",
    "message_too_large",
    "nested_too_deep",
    "number_not_finite",
    "text_not_unicode",
    "id_not_string",
    "no_user_anon_id",
    "event_not_defined",
    "event_not_string",
    "name_not_string",
    "write_key_differs",
    "impression_incomplete",
    "properties_not_object",
    "traits_not_object",
    "split_too_large",
    "traffic_type_unknown",
    "record_refused",
    "crashed_worker",
    "gave_up",
)
_PAGE = 500
#: How many calls of the script are sent to Redis at once.
_DROPPED_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was not delivered: where, when (ms), why, and its text as it came or was stored."""

    id: str
    destination: str
    lane: str
    reason: str
    detail: str
    accepted_ms: int
    text: bytes

    @property
    def dead_ms(self) -> int:
        """Return when it became a dead letter."""
        return int(self.id.partition("-")[0])


def browse(
    store: Store,
    destination: str,
    *,
    lane: str | None = None,
    reason: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Iterator[DeadLetter]:
    """Yield the dead letters of a destination, oldest first, a page at a time.

    Args:
        store: where they are.
        destination: the name of the destination or source.
        lane: only those of this lane.
        reason: only those of this reason code.
        since_ms: only those that died at or after this time.
        until_ms: only those that died before this time.

    Raises:
        StoreUnavailable: Redis is away.
    """
    start = "-" if since_ms is None else str(since_ms)
    end = "+" if until_ms is None else str(until_ms - 1)
    while True:
        with reported():
            page = store.client.xrange(f"{lanes.prefix(destination)}dead", start, end, count=_PAGE)
        for entry_id, fields in page:
            letter = _letter(destination, entry_id, fields)
            if lane in (None, letter.lane) and reason in (None, letter.reason):
                yield letter
        if len(page) < _PAGE:
            return
        start = f"({page[-1][0].decode()}"


def find(store: Store, destination: str, letter_id: str) -> DeadLetter | None:
    """Return one dead letter by its id; None: there is none.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        page = store.client.xrange(f"{lanes.prefix(destination)}dead", letter_id, letter_id)
    return _letter(destination, *page[0]) if page else None


def replay(store: Store, letter: DeadLetter, lane: str, text: bytes) -> bool:
    """Put a dead letter back into a lane as the message *text*; return False if it was gone already.

    Raises:
        StoreUnavailable: Redis is away.
    """
    return bool(store.run("replay", lanes.prefix(letter.destination), letter.id, lane, text))


def drop(store: Store, letters: Iterable[DeadLetter]) -> Iterator[bool]:
    """Drop dead letters for good, counted as filtered; yield for each whether it was still there.

    Raises:
        StoreUnavailable: Redis is away.
    """
    left = iter(letters)
    while batch := list(islice(left, _DROPPED_TOGETHER)):
        with reported(), store.client.pipeline(transaction=False) as pipeline:
            for letter in batch:
                store.run("drop", lanes.prefix(letter.destination), letter.id, pipeline=pipeline)
            answers = pipeline.execute()
        yield from map(bool, answers)


def _letter(destination: str, entry_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id=entry_id.decode(),
        destination=destination,
        lane=fields[b"lane"].decode(),
        reason=fields[b"reason"].decode(),
        detail=fields[b"detail"].decode(),
        accepted_ms=int(fields[b"t"]),
        text=fields[b"m"],
    )
