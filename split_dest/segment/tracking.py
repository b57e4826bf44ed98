"""Read a body of Segment's Tracking API: each message as Segment itself would pass it on."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.segment import payload, repair, times
from split_dest.segment.damaged import too_many
from split_dest.segment.json_text import Pause, no_pause
from split_dest.segment.message import INTEGRATION_NAMES, count_pairs, refusal
from split_dest.segment.payload import Part, Unreadable

#: The message type of each path; None: a batch, in which each message has its own type.
KINDS: dict[str, str | None] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
    "batch": None,
    "import": None,
    "b": None,
}

#: Segment's own limits (segment-docs, sources/catalog/libraries/server/http-api); clients in Ruby, PHP and Java
#: fill bodies up to 512,000 bytes.
MAX_MESSAGES = 2500
MAX_BODY_BYTES = 512_000
#: The later of two times of one clock may be smaller by this much: some are written without milliseconds.
_ROUNDING_MS = 1000
#: Limit for what the envelopes add to all messages together, for it is stored with each message.
MAX_SHARED_BYTES = 1_000_000

_TYPES = ("track", "identify", "page", "screen", "group", "alias")
_SHARED = ("context", "integrations")
_OBJECTS = ("properties", "traits", "context", "integrations")
_TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")


@dataclass(frozen=True, slots=True)
class Call:
    """How a body was posted: the type of its path, when (ms), and the largest message accepted (bytes).

    ``new_id`` makes a ``messageId`` for an accepted message without one. ``write_key`` is the one of the
    Authorization header; None: it has none.
    """

    type: str | None
    received_ms: int
    max_message_bytes: int
    new_id: Callable[[], str]
    write_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages, the write key of each, and the fields that their envelope adds to each of them."""

    messages: Sequence[dict[str, Any] | Unreadable]
    write_keys: Sequence[str | None]
    #: ``context`` and ``integrations``, if they are objects.
    shared: Mapping[str, dict[str, Any]]
    #: A time that can be read, and the same in milliseconds.
    sent_at: Any
    sent_ms: int | None
    #: Notes on what was repaired in the envelope.
    codes: frozenset[str]

    def size(self) -> int:
        """Return how many bytes the envelope adds to all its messages together."""
        return len(payload.text([self.shared, self.sent_at])) * len(self.messages)


@dataclass(frozen=True, slots=True)
class Posted:
    """A body, and the write keys that its messages came with, in their order; empty if there is none.

    Iterating over it yields the messages as Segment would pass them on, each completed when it is asked for. The
    type comes from the path; the batch's ``context`` and ``integrations`` are defaults for each message's own; the
    time is corrected by the sender's clock, if it wrote both times; strings that contain an object, as low-code
    tools write them, count as that object. A message that Segment would reject is unreadable, with Segment's own
    reason code.

    Source:
        segment-docs, sources/catalog/libraries/server/http-api; spec/common (times); guides/filtering-data.
    """

    write_keys: Sequence[str]
    _batches: Sequence[_Batch]
    _call: Call

    def __len__(self) -> int:
        return sum(len(batch.messages) for batch in self._batches)

    def __iter__(self) -> Iterator[dict[str, Any] | Unreadable]:
        """Complete one message after the other, again at each iteration."""
        received = times.to_text(self._call.received_ms)
        for batch in self._batches:
            for item in batch.messages:
                yield item if isinstance(item, Unreadable) else _message(item, batch, self._call, received)

    @property
    def messages(self) -> list[dict[str, Any] | Unreadable]:
        """All messages at once."""
        return list(self)

    def only(
        self, messages: Sequence[dict[str, Any] | Unreadable], write_keys: Container[str | None]
    ) -> list[dict[str, Any] | Unreadable]:
        """Return those of the completed messages that came with one of some write keys.

        All others are together one unreadable message, the last one: JSON lines with their write keys.
        """
        sent = [pair for batch in self._batches for pair in zip(batch.messages, batch.write_keys, strict=True)]
        others = [_with_key(*pair) for pair in sent if pair[1] not in write_keys]
        if not others:
            return list(messages)
        kept = [each for each, (_, key) in zip(messages, sent, strict=True) if key in write_keys]
        return [*kept, Unreadable(b"\n".join(others), _rejection_of("write_key_differs"))]


def posted(body: bytes, call: Call, pause: Pause = no_pause) -> Posted:
    """Return the messages and the write keys of a body; *pause* as for ``payload.read``.

    Raises:
        RequestRefused: 400 ``invalid_json``, 413 ``too_many_messages``, 413 ``body_too_large``.
    """
    parts = payload.read(body, MAX_MESSAGES, pause)
    if call.type is None:
        parts = [_unfolded(part, pause, is_alone=len(parts) == 1) for part in parts]
    if sum(len(part.messages) for part in parts) > MAX_MESSAGES + 1:
        raise too_many(MAX_MESSAGES)
    write_keys, keys = _keys(parts, call.write_key)
    batches = [_batch(part, each) for part, each in zip(parts, keys, strict=True)]
    if sum(batch.size() for batch in batches) > MAX_SHARED_BYTES:
        raise RequestRefused(413, "body_too_large", "The batch's context is too large for this many messages.")
    return Posted(write_keys, batches, call)


def again(text: bytes, call: Call) -> dict[str, Any] | Unreadable:
    """Return the one message of a dead letter as ``Posted`` would yield it.

    Args:
        text: as it was kept. Most were completed then, which shows by ``receivedAt``: these keep their times.
        call: of a batch, with the time when the message came.
    """
    kept = payload.single(text)
    if isinstance(kept, Unreadable):
        return kept
    message = _message(kept, _Batch((), (), {}, None, None, frozenset()), call, times.to_text(call.received_ms))
    if isinstance(message, dict) and kept.get("receivedAt") is not None:
        message.update((name, kept.get(name)) for name in _TIMES)
    return message


def _unfolded(part: Part, pause: Pause, *, is_alone: bool) -> Part:
    """Return the messages of a batch that is a string, as low-code tools write it; else the part as it is."""
    envelope = part.messages[0] if len(part.messages) == 1 else None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("batch"), str):
        return part
    try:
        return Part(payload.messages(envelope["batch"].encode(), MAX_MESSAGES, pause), envelope, is_envelope=True)
    except RequestRefused as refused:
        if is_alone or refused.code != "invalid_json":
            raise
        return part


def _keys(parts: Sequence[Part], header: str | None) -> tuple[list[str], list[list[str | None]]]:
    """Return the write keys of a body, and the one of each message of each part.

    The header's key counts for a body that names no two others. Of an envelope without a key it is not known where
    it belongs, unless the header says so; a message without one belongs to what stands before it.
    """
    keys = [[_key(part.envelope) or _key(each) for each in part.messages] for part in parts]
    firsts = [
        _key(part.envelope) or next(filter(None, each), None) for part, each in zip(parts, keys, strict=True)
    ]
    named = list(
        dict.fromkeys(key for first, each in zip(firsts, keys, strict=True) for key in (first, *each) if key)
    )
    if header and len(named) < 2:
        return [header], [[header] * len(each) for each in keys]
    current = header or next(iter(named), None)
    for index, (part, first) in enumerate(zip(parts, firsts, strict=True)):
        if first or part.is_envelope:
            current = first or header
        keys[index] = [key or current for key in keys[index]]
    return [header, *named] if header else named, keys


def _key(sent: Mapping[str, Any] | Unreadable) -> str | None:
    key = None if isinstance(sent, Unreadable) else sent.get("writeKey")
    return key if isinstance(key, str) and key else None


def _with_key(sent: dict[str, Any] | Unreadable, write_key: str | None) -> bytes:
    """Return the JSON of a message as it was sent, with the write key that it came with."""
    if isinstance(sent, Unreadable):
        return sent.text
    return payload.text(sent if write_key is None else sent | {"writeKey": write_key})


def _batch(part: Part, write_keys: Sequence[str | None]) -> _Batch:
    # Values that are no objects, or no times, would not count, so they are not copied.
    codes: set[str] = set()
    shared = {name: _object(part.envelope.get(name), codes) for name in _SHARED}
    shared = {name: value for name, value in shared.items() if isinstance(value, dict)}
    sent_at = part.envelope.get("sentAt")
    sent_ms = times.to_ms(sent_at)
    if sent_ms is None:
        codes |= _unread(sent_at)
        sent_at = None
    elif isinstance(sent_at, str):
        sent_at = sent_at.strip()
    return _Batch(part.messages, write_keys, shared, sent_at, sent_ms, frozenset(codes))


def _message(sent: Mapping[str, Any], batch: _Batch, call: Call, received: str) -> dict[str, Any] | Unreadable:
    text = payload.text(sent)
    message = _completed(sent, batch, call, received)
    rejection = _rejection(message, len(text), call.max_message_bytes)
    message_id = _id(sent.get("messageId"))
    if rejection is None:
        # Only accepted messages get the shared fields: dead letters wait for a person and should not fill Redis.
        for name, under in batch.shared.items():
            message[name] = _merged(under, message[name])
        message_id = message_id or call.new_id()
    message["messageId"] = message_id or None
    if not _is_meant(message["integrations"]):
        message["integrations"] = message["integrations"] | {INTEGRATION_NAMES[0]: False}
    if rejection is None:
        return message
    return Unreadable(payload.text(message), rejection, message_id, text)


def _rejection(message: Mapping[str, Any], size: int, max_bytes: int) -> MessageRejected | None:
    """Return why a message is rejected; *size* is that of its JSON as it was sent."""
    if size > max_bytes:
        return MessageRejected("message_too_large", f"{size} bytes")
    code = _fault(message)
    return refusal(message) if code is None else _rejection_of(code)


@cache
def _rejection_of(code: str) -> MessageRejected:
    return MessageRejected(code)


def _completed(sent: Mapping[str, Any], batch: _Batch, call: Call, received: str) -> dict[str, Any]:
    """Return a message with all fields but those that its batch shares."""
    message = dict(sent)
    message.pop("writeKey", None)
    codes = set(batch.codes)
    for name in _OBJECTS:
        if isinstance(message.get(name), str):
            message[name] = _object(message[name], codes)
    for name in _SHARED:
        if not isinstance(message.get(name), dict):
            message[name] = {}
    codes |= _set_times(message, batch, call.received_ms, received)
    # No delete, which only Segment itself may send: a web page shows its write key to everyone.
    kind = call.type or message.get("type")
    message["type"] = kind if kind in _TYPES else None
    return repair.noted(message, codes)


def _id(sent: Any) -> str:
    is_whole = isinstance(sent, int) and not isinstance(sent, bool)
    return str(sent) if is_whole or isinstance(sent, str) else ""


def _object(value: Any, codes: set[str]) -> Any:
    """Return the object in a string, and note what was repaired in it; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        whole, found = repair.read(value.encode())
    except ValueError:
        return value
    codes |= found
    return whole


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _merged(below, value)
        else:
            merged[name] = value
    return merged


def _set_times(message: dict[str, Any], batch: _Batch, received_ms: int, received: str) -> set[str]:
    """Set the four times as Segment passes them on: ``timestamp`` is corrected by the sender's clock skew.

    Returns notes on the times that can't be read.
    """
    original, original_ms, codes = _original(message)
    own = message.get("sentAt")
    own_ms = None if own is None else times.to_ms(own)
    sent, sent_ms = own, own_ms
    # An item may be queued with a sentAt of long ago (analytics-react-native 977).
    if own_ms is None or (original_ms is not None and not _is_after(own_ms, original_ms)):
        sent, sent_ms = batch.sent_at, batch.sent_ms
    message["originalTimestamp"], message["receivedAt"] = original, received
    message["sentAt"] = own if sent is None else sent
    codes |= _unread(own) if own_ms is None else set()
    if original_ms is None:
        message["timestamp"] = received
        return codes
    message["timestamp"] = times.to_text(_corrected(original_ms, sent_ms, received_ms))
    return codes


def _original(message: Mapping[str, Any]) -> tuple[Any, int | None, set[str]]:
    """Return the sender's own time, of two the first that can be read; the same in milliseconds; and notes."""
    value, other = message.get("timestamp"), message.get("originalTimestamp")
    ms = times.to_ms(value)
    if ms is not None:
        return value, ms, set()
    other_ms = times.to_ms(other)
    if other_ms is not None:
        return other, other_ms, _unread(value)
    return (other if value in (None, "") else value), None, _unread(value) | _unread(other)


def _corrected(original_ms: int, sent_ms: int | None, received_ms: int) -> int:
    """Return a time by our clock, or as it was sent if its sender's clock did not write both times."""
    if sent_ms is None or not _is_after(sent_ms, original_ms):
        return original_ms
    corrected = received_ms - (sent_ms - original_ms)
    return corrected if corrected > 0 else original_ms


def _is_after(sent_ms: int, original_ms: int) -> bool:
    return sent_ms >= original_ms - _ROUNDING_MS


def _unread(value: Any) -> set[str]:
    return set() if value in (None, "") else {"timestamp_unreadable"}


def _is_meant(integrations: Mapping[str, Any]) -> bool:
    """Return whether a message is meant for Split: by Split's name, else by ``All`` in any case, else always."""
    named = [integrations[name] for name in INTEGRATION_NAMES if name in integrations]
    if named:
        return not any(value is False for value in named)
    alls = (value for name, value in integrations.items() if name.lower() == "all" and isinstance(value, bool))
    return next(alls, True)


def _fault(message: Mapping[str, Any]) -> str | None:
    """Return Segment's reason code for a message that it would reject and that Split could not use either.

    Source:
        segment-docs, _includes/content/delivery-overview-discards.
    """
    kind = message["type"]
    if not _names_someone(message):
        return "no_user_anon_id"
    event, name = message.get("event"), message.get("name")
    if kind == "track" and event in (None, ""):
        return "event_not_defined"
    if kind == "track" and (isinstance(event, bool) or not isinstance(event, str | int | float)):
        return "event_not_string"
    if kind in ("page", "screen") and not isinstance(name, str | None):
        return "name_not_string"
    return None


def _names_someone(message: Mapping[str, Any]) -> bool:
    # More lenient than Segment, which requires userId or anonymousId: Split accepts these ids too.
    if any(message.get(name) not in (None, "") for name in ("userId", "anonymousId", "groupId")):
        return True
    parts = (message.get(name) for name in ("properties", "traits"))
    return any(isinstance(part, dict) and count_pairs(part.get("split")) > 0 for part in parts)
