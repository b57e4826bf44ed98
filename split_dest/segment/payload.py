"""A request's body to single messages: one message, an array, an envelope, or elements wrapped in ``json``.

The quick way parses the body whole. Only when that fails is it read as damaged, which costs only
its damaged parts.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.segment import json_text
from split_dest.segment.damaged import BOM, CALLS, Found, Reader, too_many

#: Deeper messages are set aside: real ones have under ten levels, and every later step may then recurse.
MAX_DEPTH = 64
#: Segment's Webhooks (Actions) sends up to 4,000 at once (segment-docs, destinations/catalog/actions-webhook).
MAX_MESSAGES = 10_000

#: What of an envelope means anything to its messages.
_BESIDE = (b"writeKey", b"sentAt", b"context", b"integrations")
#: Larger messages are never parsed, for a million keys take dozens of times their size; real ones have 32 KB.
_GIANT_BYTES = 1_000_000
_MARKS = b'"[]{},'
#: What JSON never holds; a twentieth of it in a body of some length is no text but, say, a packed file.
_CONTROLS = bytes(set(range(32)) - {*b"\t\r\n"})
_TEXT_BYTES = 1000
_FIRST = re.compile(rb'[ \t\r\n]*+(%b|[^]["{},]*+)' % json_text.STRING, re.DOTALL)
#: So deep orjson writes, and no deeper (its README, "dumps"). Two hold all messages, which may have 64, so what it
#: writes beneath the other 188 is not too deep. A walk in Python takes four times as long.
_LEVELS = 254
_MANY = 10
#: Reads whole numbers of any length, and keeps every pair, so that no second one of a name hides a number.
_LENIENT = json.JSONDecoder(parse_int=float, object_pairs_hook=list)


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
    """Messages in their order, and what stands beside them in their envelope, if there is one."""

    messages: list[dict[str, Any] | Unreadable]
    envelope: Mapping[str, Any] = field(default_factory=dict)


def messages(body: bytes, most: int | None = None) -> list[dict[str, Any] | Unreadable]:
    """Return the messages of a body, as ``read``."""
    return [found for part in read(body, most) for found in part.messages]


def read(body: bytes, most: int | None = None) -> list[Part]:
    """Return the messages of a body with their envelope, or of several bodies that were joined.

    The pieces of a damaged body that belong to no message are one unreadable message more, the last one.

    Args:
        body: as it came, inflated.
        most: how many messages there may be; None: any number.

    Raises:
        RequestRefused: 400 ``invalid_json``: nothing in the body is readable; 413 ``too_many_messages``.

    Source:
        Segment's Webhooks (one message), Webhooks (Actions) (bare array), Extensible Webhook (array of
        ``{"json": …}``) and HTTP API (envelope): action-destinations, webhook and webhook-extensible.
    """
    body = body.removeprefix(BOM)
    if len(body) > _GIANT_BYTES:
        _check_marks(body)
        if body.count(b"{") * _GIANT_BYTES < len(body):
            return _read_damaged(body, most)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _read_damaged(body, most, error)
    items, envelope = _opened(parsed)
    if most is not None and len(items) > most:
        raise too_many(most)
    if _is_deep(body, items, envelope):
        # orjson reads deeper than it writes, so only the raw text can be kept.
        return _read_damaged(body, most)
    return [Part([_checked(item) for item in items], envelope)]


def _check_marks(body: bytes) -> None:
    """Make sure that a large body is no mere heap of marks, over which every later step would take long.

    Raises:
        RequestRefused: 400 ``invalid_json``.
    """
    if len(body.translate(None, _MARKS)) * 5 < len(body) * 2:
        raise RequestRefused(400, "invalid_json", "The body holds more punctuation than text.")


def _read_damaged(body: bytes, most: int | None, error: orjson.JSONDecodeError | None = None) -> list[Part]:
    if len(body) > _TEXT_BYTES and (len(body) - len(body.translate(None, _CONTROLS))) * 20 > len(body):
        raise RequestRefused(400, "invalid_json", "The body is not text.") from error
    reader = Reader(body, most)
    parts = [_part(found) for found in reader.found]
    if reader.pieces:
        parts.append(Part([Unreadable(b"\n".join(reader.pieces), _rejection("not_json"))]))
    if all(_is_no_json(found) for part in parts for found in part.messages):
        why = f"The body is not JSON: {error}" if error else "Nothing in the body is JSON."
        raise RequestRefused(400, "invalid_json", why) from error
    return parts


def _part(found: Found) -> Part:
    """Return the messages of a top-level value, and what can be read beside them."""
    part = Part([_read(text) for text in found.texts])
    if found.is_envelope or any(isinstance(each, Unreadable) for each in part.messages) or not found.texts:
        part.envelope = _beside(found.members)
    return part


def _beside(members: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    envelope: dict[str, Any] = {}
    for name in _BESIDE:
        text = members.get(name, b"")
        if json_text.depth(text) <= MAX_DEPTH:
            with suppress(orjson.JSONDecodeError):
                envelope[name.decode()] = orjson.loads(text)
    return envelope


def _is_no_json(found: dict[str, Any] | Unreadable) -> bool:
    return isinstance(found, Unreadable) and found.rejection.code == "not_json"


def signed_texts(body: bytes) -> list[bytes]:
    """Return the raw texts that a sender may have signed: the body, or the first element of an array.

    Source:
        Webhooks (Actions) and Extensible Webhook sign the first event of a batch, the latter without its
        wrapper: action-destinations, webhook/index.ts and webhook-extensible/index.ts.
    """
    begin = body.find(b"[")
    if begin < 0 or body[:begin].strip(json_text.BLANKS):
        return [body]
    first = _first(body, begin + 1)
    inner = None
    if first.startswith(b"{") and b'"json"' in first:
        inner = Reader(first, None).found[0].members.get(b"json")
    return [body, first] if inner is None else [body, first, inner]


def _first(body: bytes, at: int) -> bytes:
    """Return the raw text of the first element of an array, of which *at* is the content; empty: it has none."""
    found = _FIRST.match(body, at)
    begin, end = found.span(1) if found else (at, at)
    if begin == end:
        end = json_text.end(body, begin) or begin
    return body[begin:end].rstrip(json_text.BLANKS)


def text(item: object) -> bytes:
    """Return a parsed message as JSON again."""
    return orjson.dumps(item)


def _opened(parsed: object) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(parsed, dict) and isinstance(parsed.get("batch"), list) and parsed.get("type") not in CALLS:
        return parsed.pop("batch"), parsed
    return (parsed if isinstance(parsed, list) else [parsed]), {}


def _checked(item: object) -> dict[str, Any] | Unreadable:
    if isinstance(item, dict) and "type" not in item and isinstance(item.get("json"), dict):
        item = item["json"]
    return item if isinstance(item, dict) else Unreadable(orjson.dumps(item), _rejection("not_an_object"))


def _is_deep(body: bytes, items: Sequence[Any], envelope: Mapping[str, Any]) -> bool:
    """True when one of the items, or the envelope, is too deep."""
    # Of a few it takes less to count brackets.
    if len(items) < _MANY and body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    beneath: Any = [items, envelope]
    for _ in range(_LEVELS - MAX_DEPTH - 2):
        beneath = [beneath]
    try:
        orjson.dumps(beneath)
    except orjson.JSONEncodeError:
        return True
    return False


def _read(text: bytes) -> dict[str, Any] | Unreadable:
    if len(text) > _GIANT_BYTES:
        return Unreadable(text, _rejection("message_too_large"))
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and json_text.is_deeper(text, MAX_DEPTH):
        return Unreadable(text, _rejection("nested_too_deep"))
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Unreadable(text, _rejection(_fault(text)))
    return _checked(item)


def _fault(text: bytes) -> str:
    """Return the reason code of a text that only a lenient parser reads, if any."""
    try:
        value = _LENIENT.decode(text.decode(errors="replace"))
    except ValueError:
        return "not_json"
    return "text_not_unicode" if _is_finite(value) else "number_not_finite"


def _is_finite(value: object) -> bool:
    level = [value]
    while level:
        if not all(math.isfinite(each) for each in level if isinstance(each, float)):
            return False
        level = [child for each in level if isinstance(each, list | tuple) for child in each]
    return True


@cache
def _rejection(code: str) -> MessageRejected:
    """Return the rejection of a code; one serves all, for a hostile body can hold a million bad elements."""
    return MessageRejected(code)
