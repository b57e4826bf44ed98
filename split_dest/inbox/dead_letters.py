"""Dead letters: messages that were not delivered, kept with the reason until a person replays or drops them."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import orjson

from split_dest.inbox.drains import FORMAT
from split_dest.inbox.store import Store, reported, stored_ms

#: The reason codes that a dead letter can have: those of the endpoints, and those of the workers.
OF_ENDPOINTS = (
    "not_json",
    "not_an_object",
    "message_too_large",
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
)
CODES = (
    *OF_ENDPOINTS,
    *("traffic_type_unknown", "record_refused", "crashed_worker", "entry_unreadable", "gave_up"),
)
#: What receives messages and names itself in their dead letters.
ENDPOINTS = ("webhook", "tracking", "import", "impressions")
_PAGE = 500
#: How many calls of the script are sent to Redis at once.
_DROPPED_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was not delivered: where, when (ms), why, and its text as it came or was stored.

    What another version left out is empty. If it kept the text otherwise, or not at all, ``is_readable`` is False,
    and ``text`` is all that it kept, as JSON. ``endpoint`` is the one that received the message, as in
    ``acceptance.Item``. ``words`` are those of Split or Segment, which may quote personal data.
    """

    id: str
    destination: str
    endpoint: str
    lane: str
    reason: str
    detail: str
    words: str
    accepted_ms: int
    text: bytes
    is_readable: bool = True

    @property
    def is_of_endpoint(self) -> bool:
        """Return whether an endpoint refused the message, and not Split."""
        return self.reason in OF_ENDPOINTS

    @property
    def dead_ms(self) -> int:
        """Return when it became a dead letter."""
        return _ms(self.id)


def last_id(store: Store, destination: str) -> str:
    """Return the id behind which every dead letter comes that dies from now on.

    Those that are there may be ahead of now: Redis's clock may have gone back, and ids never do.

    Raises:
        StoreUnavailable: Redis is away.
    """
    now_ms = store.now_ms()
    # Not XREVRANGE, to which the console of an older list of users has no right.
    ahead = deque(browse(store, destination, since_ms=now_ms), maxlen=1)
    return ahead[0].id if ahead else str(now_ms - 1)


def browse(
    store: Store,
    destination: str,
    *,
    endpoint: str | None = None,
    lane: str | None = None,
    reason: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    last_id: str | None = None,
) -> Iterator[DeadLetter]:
    """Yield the dead letters of a destination, oldest first, a page at a time.

    Args:
        store: where they are.
        destination: the name of the destination or source.
        endpoint: only those that this one received.
        lane: only those of this lane.
        reason: only those of this reason code.
        since_ms: only those that died at or after this time.
        until_ms: only those that died before this time.
        last_id: only those up to and with this one.

    Raises:
        StoreUnavailable: Redis is away.
    """
    start = "-" if since_ms is None else str(since_ms)
    end = "+" if until_ms is None else str(until_ms - 1)
    if last_id is not None and (until_ms is None or _ms(last_id) < until_ms):
        end = last_id
    while True:
        with reported():
            page = store.client.xrange(store.key(destination, "dead"), start, end, count=_PAGE)
        for entry_id, fields in page:
            letter = _letter(destination, entry_id, fields)
            wanted = ((endpoint, letter.endpoint), (lane, letter.lane), (reason, letter.reason))
            if all(only in (None, its) for only, its in wanted):
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
        page = store.client.xrange(store.key(destination, "dead"), letter_id, letter_id)
    return _letter(destination, *page[0]) if page else None


def replay(store: Store, letter: DeadLetter, lane: str, text: bytes) -> bool:
    """Put a dead letter back into a lane as the message *text*; return False if it was gone already.

    Raises:
        StoreUnavailable: Redis is away.
    """
    return bool(store.run("replay", letter.destination, letter.id, lane, text))


def drop(store: Store, letters: Iterable[DeadLetter]) -> Iterator[bool]:
    """Drop dead letters for good, counted as filtered; yield for each whether it was still there.

    Raises:
        StoreUnavailable: Redis is away.
    """
    left = iter(letters)
    while batch := list(islice(left, _DROPPED_TOGETHER)):
        with reported(), store.client.pipeline(transaction=False) as pipeline:
            for letter in batch:
                store.run("drop", letter.destination, letter.id, pipeline=pipeline)
            answers = pipeline.execute()
        yield from map(bool, answers)


def _ms(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


def _letter(destination: str, entry_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    texts = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
    dead_id = entry_id.decode()
    is_readable = b"m" in fields and texts.get("f", str(FORMAT)) == str(FORMAT)
    return DeadLetter(
        id=dead_id,
        destination=destination,
        endpoint=texts.get("e", ""),
        lane=texts.get("lane", ""),
        reason=texts.get("reason", ""),
        detail=texts.get("detail", ""),
        words=texts.get("words", ""),
        accepted_ms=stored_ms(fields.get(b"t")) or _ms(dead_id),
        text=fields[b"m"] if is_readable else orjson.dumps(texts),
        is_readable=is_readable,
    )
