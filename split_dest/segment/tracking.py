"""What a body posted to Segment's Tracking API means: each message as Segment itself would pass it on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.segment import json_text, payload, times
from split_dest.segment.message import INTEGRATION_NAMES
from split_dest.segment.payload import Payload, Unreadable

#: Path -> the type that its message has; None: a batch, whose messages name theirs.
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
#: What the batch's ``context`` and ``integrations`` may add to its messages, all told: they are stored with each.
MAX_SHARED_BYTES = 1_000_000

_TYPES = ("track", "identify", "page", "screen", "group", "alias")
_SHARED = ("context", "integrations")
_OBJECTS = ("properties", "traits", "context", "integrations")


@dataclass(frozen=True, slots=True)
class Call:
    """How a body came: the type that its path says, when (ms), and the largest message taken (bytes).

    ``new_id`` gives a ``messageId`` for a message without one.
    """

    type: str | None
    received_ms: int
    max_message_bytes: int
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Posted:
    """A body as it came, and the write key that it names; None: it names none."""

    write_key: str | None
    _found: Sequence[dict[str, Any] | Unreadable]
    _envelope: Mapping[str, Any]
    _call: Call

    @property
    def messages(self) -> list[dict[str, Any] | Unreadable]:
        """The body's messages as Segment would pass them on; made anew at each use.

        The type comes from the path; the batch's ``context`` and ``integrations`` stand under each message's own;
        the time is corrected by the sender's clock; texts that hold an object count as that object, as low-code
        tools write them. A message that Segment would refuse carries Segment's own reason code.

        Source:
            segment-docs, sources/catalog/libraries/server/http-api; spec/common (times); guides/filtering-data.
        """
        return [_message(found, self._envelope, self._call) for found in self._found]


def posted(body: bytes, call: Call) -> Posted:
    """Gives what a body holds.

    Raises:
        RequestRefused: 400 ``invalid_json``, 413 ``too_many_messages``, 413 ``body_too_large``.
    """
    read = _read(body, call)
    envelope = {name: _object(value) for name, value in read.envelope.items()}
    shared = payload.text([envelope.get(name) for name in _SHARED])
    if len(shared) * len(read.messages) > MAX_SHARED_BYTES:
        raise RequestRefused(413, "body_too_large", "The batch's context is too large for so many messages.")
    keys = (each.get("writeKey") for each in (envelope, *read.messages) if isinstance(each, dict))
    write_key = next((key for key in keys if isinstance(key, str) and key), None)
    return Posted(write_key, read.messages, envelope, call)


def _read(body: bytes, call: Call) -> Payload:
    """Gives the messages of a body; a batch may also be the text of an array, as low-code tools write it."""
    read = payload.read(body, MAX_MESSAGES)
    envelope = read.messages[0] if call.type is None and len(read.messages) == 1 else None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("batch"), str):
        return read
    return Payload(payload.messages(envelope["batch"].encode(), MAX_MESSAGES), envelope)


def _message(
    found: dict[str, Any] | Unreadable, envelope: Mapping[str, Any], call: Call
) -> dict[str, Any] | Unreadable:
    if isinstance(found, Unreadable):
        return found
    message, size = _completed(found, envelope, call), len(payload.text(found))
    code = "message_too_large" if size > call.max_message_bytes else _fault(message)
    if code is None:
        return message
    detail = f"{size} bytes" if code == "message_too_large" else ""
    # Without what the batch shares: refused messages wait for a person, and shall not fill Redis meanwhile.
    own = _completed(found, {"sentAt": envelope.get("sentAt")}, call) | {"messageId": message["messageId"]}
    return Unreadable(payload.text(own), MessageRejected(code, detail), message["messageId"])


def _completed(found: Mapping[str, Any], envelope: Mapping[str, Any], call: Call) -> dict[str, Any]:
    message = {name: value for name, value in found.items() if name != "writeKey"}
    message |= {name: _object(message[name]) for name in _OBJECTS if name in message}
    message |= {name: _merged(envelope.get(name), message.get(name)) for name in _SHARED}
    message |= _times(message, envelope, call.received_ms)
    message["type"] = call.type or message.get("type")
    if message["type"] not in _TYPES:
        # Not even delete, which only Segment itself may say: a page shows its write key to everyone.
        message["type"] = None
    message["messageId"] = _id(message.get("messageId")) or call.new_id()
    if not _is_meant(message["integrations"]):
        message["integrations"] |= {INTEGRATION_NAMES[0]: False}
    return message


def _id(sent: Any) -> str:
    is_whole = isinstance(sent, int) and not isinstance(sent, bool)
    return str(sent) if is_whole or isinstance(sent, str) else ""


def _object(value: Any) -> Any:
    """Gives the object that a text writes out, unless it is too deep; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    if json_text.depth(value.encode()) > payload.MAX_DEPTH:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _merged(under: Any, over: Any) -> dict[str, Any]:
    merged = dict(under) if isinstance(under, dict) else {}
    for name, value in over.items() if isinstance(over, dict) else ():
        below = merged.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[name] = _merged(below, value) if both else value
    return merged


def _times(message: Mapping[str, Any], envelope: Mapping[str, Any], received_ms: int) -> dict[str, Any]:
    """Gives the four times as Segment passes them on: ``timestamp`` as if the sender's clock went right."""
    original, original_ms = _first_time(message.get("timestamp"), message.get("originalTimestamp"))
    sent, sent_ms = _first_time(message.get("sentAt"), envelope.get("sentAt"))
    timestamp_ms = received_ms if original_ms is None else original_ms
    if original_ms is not None and sent_ms is not None:
        timestamp_ms = received_ms - (sent_ms - original_ms)
    return {
        "originalTimestamp": original,
        "sentAt": sent,
        "receivedAt": times.to_text(received_ms),
        "timestamp": times.to_text(timestamp_ms),
    }


def _first_time(*given: Any) -> tuple[Any, int | None]:
    """Gives the first of some times that can be read, with its milliseconds; if none can, the first."""
    read = ((each, times.to_ms(each)) for each in given)
    return next((found for found in read if found[1] is not None), (given[0], None))


def _is_meant(integrations: Mapping[str, Any]) -> bool:
    """True when a message is meant for Split: by its name, else by ``All`` in any case, else it is."""
    named = [integrations[name] for name in INTEGRATION_NAMES if name in integrations]
    if named:
        return not any(value is False for value in named)
    alls = (value for name, value in integrations.items() if name.lower() == "all" and isinstance(value, bool))
    return next(alls, True)


def _fault(message: Mapping[str, Any]) -> str | None:
    """Gives Segment's reason code for a message that it would refuse and that Split could not use either.

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
    # More lenient than Segment, which takes no call without userId and anonymousId: Split takes these ids too.
    if any(message.get(name) not in (None, "") for name in ("userId", "anonymousId", "groupId")):
        return True
    parts = (message.get(name) for name in ("properties", "traits"))
    return any(isinstance(part, dict) and isinstance(part.get("split"), (list, dict)) for part in parts)
