"""Split a request's body into messages: one message, an array, an envelope, or elements wrapped in ``json``.

A body is parsed as a whole. One that can't be is read as damaged, which costs only its damaged parts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.segment import repair
from split_dest.segment.damaged import BOM, CALLS, Reader, Value, too_many
from split_dest.segment.json_text import BLANKS, MAX_DEPTH, STRING, Pause, end_of, no_pause

#: Segment's Webhooks (Actions) sends up to 4,000 at once (segment-docs, destinations/catalog/actions-webhook).
MAX_MESSAGES = 10_000

#: The members of an envelope that its messages share.
_SHARED = ("writeKey", "sentAt", "context", "integrations")
#: Larger messages are never parsed, for a million keys take dozens of times their size; real ones have 32 KB.
_GIANT_BYTES = 1_000_000
_MARKS = b'"[]{},'
#: Bytes that JSON never holds; a body of some length of which they are a twentieth is, say, a packed file.
_CONTROLS = bytes(set(range(32)) - {*b"\t\r\n"})
_TEXT_BYTES = 1000
_FIRST = re.compile(rb'[ \t\r\n]*+\[[ \t\r\n]*+(%b|[^]["{},]*+)' % STRING)
#: orjson writes this many levels, and no deeper (its README, "dumps"). Two hold all messages, which may have 64,
#: so what it writes beneath the other 188 is not too deep. A walk in Python takes four times as long.
_LEVELS = 254
_MANY = 10
#: A repaired one could be another's.
_IDS = ("userId", "anonymousId", "groupId")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The raw text of a message that can't be accepted, and why; its ``messageId`` where it is known.

    ``sent`` is the message as it came, where ``text`` says more than that.
    """

    text: bytes
    rejection: MessageRejected
    message_id: str = ""
    sent: bytes = b""


@dataclass(slots=True)
class Part:
    """Messages in their order, whether they came in an envelope, and its other members."""

    messages: list[dict[str, Any] | Unreadable]
    envelope: Mapping[str, Any] = field(default_factory=dict)
    is_envelope: bool = False


def messages(
    body: bytes, max_messages: int | None = None, pause: Pause = no_pause
) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a body, as ``read``."""
    return [item for part in read(body, max_messages, pause) for item in part.messages]


def read(body: bytes, max_messages: int | None = None, pause: Pause = no_pause) -> list[Part]:
    """Return the messages of a body with their envelope, or of several bodies that were joined.

    The pieces of a damaged body that belong to no message are together one unreadable message, the last one.

    Args:
        body: as it came, inflated.
        max_messages: how many messages there may be; None: any number.
        pause: called again and again while a damaged body is read, which takes longer than parsing a good one.

    Raises:
        RequestRefused: 400 ``invalid_json``: nothing in the body is readable; 413 ``too_many_messages``.

    Source:
        Segment's Webhooks (one message), Webhooks (Actions) (bare array), Extensible Webhook (array of
        ``{"json": …}``) and HTTP API (envelope): action-destinations, webhook and webhook-extensible.
    """
    body = body.removeprefix(BOM)
    if len(body) > _GIANT_BYTES:
        if len(body.translate(None, _MARKS)) * 5 < len(body) * 2:
            # Every later step would take long for it.
            raise RequestRefused(400, "invalid_json", "The body holds more punctuation than text.")
        if body.count(b"{") * _GIANT_BYTES < len(body):
            return _read_damaged(body, max_messages, pause)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _read_damaged(body, max_messages, pause, error)
    items, envelope = _opened(parsed)
    if max_messages is not None and len(items) > max_messages:
        raise too_many(max_messages)
    if _is_deep(body, items, envelope):
        # orjson reads deeper than it writes, so only the raw text can be kept.
        return _read_damaged(body, max_messages, pause)
    return [Part([_checked(item) for item in items], envelope)]


def _read_damaged(
    body: bytes, max_messages: int | None, pause: Pause, error: Exception | None = None
) -> list[Part]:
    # A file that was written past its end has zeros there.
    text = body.rstrip(b"\0")
    if len(text) > _TEXT_BYTES and (len(text) - len(text.translate(None, _CONTROLS))) * 20 > len(text):
        raise RequestRefused(400, "invalid_json", "The body is not text.") from error
    reader = Reader(body, max_messages, pause)
    parts = [_part(value, pause) for value in reader.values]
    if reader.pieces:
        parts.append(Part([Unreadable(b"\n".join(reader.pieces), _rejection("not_json"))]))
    if all(_is_no_json(item) for part in parts for item in part.messages):
        why = f"The body is not JSON: {error}" if error else "Nothing in the body is JSON."
        raise RequestRefused(400, "invalid_json", why) from error
    return parts


def _part(value: Value, pause: Pause) -> Part:
    """Return the messages of a top-level value, and the readable members of its envelope."""
    items, is_envelope = list(_all_read(value.texts, pause)), value.is_envelope
    if value.whole and not _is_no_json(whole := _read(value.whole)):
        items, is_envelope = [whole], False
    is_shared = is_envelope or any(isinstance(item, Unreadable) for item in items)
    envelope, codes = _shared(value.members) if is_shared else ({}, set())
    items = [repair.noted(item, codes) if isinstance(item, dict) else item for item in items]
    return Part(items, envelope, is_envelope)


def _shared(members: Mapping[bytes, bytes]) -> tuple[dict[str, Any], set[str]]:
    """Return the members of an envelope that its messages share, and notes on what was repaired in them."""
    envelope: dict[str, Any] = {}
    codes: set[str] = set()
    for name in _SHARED:
        with suppress(ValueError):
            envelope[name], found = repair.read(members.get(orjson.dumps(name), b""))
            codes |= found
    return envelope, codes


def _is_no_json(item: dict[str, Any] | Unreadable) -> bool:
    return isinstance(item, Unreadable) and item.rejection.code == "not_json"


def signed_texts(body: bytes) -> list[bytes]:
    """Return the raw texts that a sender may have signed: the body, or the first element of an array.

    Source:
        Webhooks (Actions) and Extensible Webhook sign the first event of a batch, the latter without its
        wrapper: action-destinations, webhook/index.ts and webhook-extensible/index.ts.
    """
    array = _FIRST.match(body)
    if not array:
        return [body]
    begin, end = array.span(1)
    if begin == end:
        end = end_of(body, begin) or begin
    first = body[begin:end].rstrip(BLANKS)
    texts = [body, first]
    if first.startswith(b"{") and b'"json"' in first:
        texts += filter(None, [Reader(first, None).values[0].members.get(b'"json"')])
    return texts


def single(text: bytes) -> dict[str, Any] | Unreadable:
    """Return the one message that a text is, read like an element of a body: no array or envelope is opened."""
    try:
        value, codes, is_damaged = repair.parsed(text)
    except ValueError:
        return Unreadable(text, _rejection("not_json"))
    item = _checked(value, text)
    if is_damaged and isinstance(item, dict):
        return _repaired(item, text, codes)
    return repair.noted(item, codes) if isinstance(item, dict) else item


def text(item: object) -> bytes:
    """Return a parsed message as JSON again."""
    return orjson.dumps(item)


def _opened(parsed: object) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(parsed, dict) and isinstance(parsed.get("batch"), list) and parsed.get("type") not in CALLS:
        return parsed.pop("batch"), parsed
    return (parsed if isinstance(parsed, list) else [parsed]), {}


def _checked(item: object, text: bytes = b"") -> dict[str, Any] | Unreadable:
    if isinstance(item, dict) and "type" not in item and isinstance(item.get("json"), dict):
        item = item["json"]
    return item if isinstance(item, dict) else Unreadable(text or orjson.dumps(item), _rejection("not_an_object"))


def _is_deep(body: bytes, items: Sequence[Any], envelope: Mapping[str, Any]) -> bool:
    """Return whether one of the items, or the envelope, is too deep."""
    # For a few items it is faster to count brackets.
    if len(items) < _MANY and body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    beneath: Any = [items, envelope]
    for _ in range(_LEVELS - MAX_DEPTH - 2):
        beneath = [beneath]
    with suppress(orjson.JSONEncodeError):
        orjson.dumps(beneath)
        return False
    return True


def _all_read(texts: Sequence[bytes], pause: Pause) -> Iterator[dict[str, Any] | Unreadable]:
    for each in texts:
        yield _read(each)
        pause()


def _read(text: bytes) -> dict[str, Any] | Unreadable:
    if len(text) > _GIANT_BYTES:
        return Unreadable(text, _rejection("message_too_large"))
    return single(text)


def _repaired(item: dict[str, Any], text: bytes, codes: set[str]) -> dict[str, Any] | Unreadable:
    for name in _IDS:
        code = repair.damage(item.get(name))
        if code:
            return Unreadable(text, _rejection(code, f"at {name}"))
    if isinstance(item.get("messageId"), str):
        item["messageId"] = repair.distinct(item["messageId"])
    whole: dict[str, Any] = repair.repaired(item, codes)
    return repair.noted(whole, codes)


@cache
def _rejection(code: str, detail: str = "") -> MessageRejected:
    """Return the rejection of a code; one serves all, for a hostile body can hold a million bad elements."""
    return MessageRejected(code, detail)
