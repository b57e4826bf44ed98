"""A request's body to single messages: one message, an array, an envelope, or elements wrapped in ``json``.

The quick way parses the body whole. Only when that fails is it cut into the raw texts of its elements, so that
one bad message never spoils its batch.
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

import orjson

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.segment import json_text

#: Deeper messages are set aside: real ones have under ten levels, and every later step may then recurse.
MAX_DEPTH = 64
#: Segment's Webhooks (Actions) sends up to 4,000 at once (segment-docs, destinations/catalog/actions-webhook).
MAX_MESSAGES = 10_000

#: What a message says that it is. An envelope says none of these; a message may well hold a list named batch.
_CALLS = ("track", "page", "screen", "identify", "group", "alias", "delete")
_QUOTED_CALLS = tuple(map(orjson.dumps, _CALLS))
#: What of an envelope means anything to its messages.
_BESIDE = (b'"writeKey"', b'"sentAt"', b'"context"', b'"integrations"')
_BOM = b"\xef\xbb\xbf"
#: Larger messages are never parsed, for a million keys take dozens of times their size; real ones have 32 KB.
_GIANT_BYTES = 1_000_000
_MARKS = (b'"', b"[", b"]", b"{", b"}", b",")
#: So deep orjson writes, and no deeper (its README, "dumps"). Two hold all messages, which may have 64, so what it
#: writes beneath the other 188 is not too deep. A walk in Python takes four times as long.
_LEVELS = 254
_MANY = 10
#: Reads whole numbers of any length, and keeps every pair, so that no second one of a name hides a number.
_LENIENT = json.JSONDecoder(parse_int=float, object_pairs_hook=list)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The raw text of a message that can't be accepted, and why; its ``messageId`` where it is known."""

    text: bytes
    rejection: MessageRejected
    message_id: str = ""


@dataclass(slots=True)
class Payload:
    """A body's messages in their order, and what stands beside them in their envelope, if there is one."""

    messages: list[dict[str, Any] | Unreadable]
    envelope: Mapping[str, Any] = field(default_factory=dict)


def messages(body: bytes, most: int | None = None) -> list[dict[str, Any] | Unreadable]:
    """Gives the messages of a body, as ``read``."""
    return read(body, most).messages


def read(body: bytes, most: int | None = None) -> Payload:
    """Gives the messages of a body and their envelope.

    Args:
        body: as it came, inflated.
        most: how many there may be; None: any number.

    Raises:
        RequestRefused: 400 ``invalid_json``: the body is not JSON; 413 ``too_many_messages``.

    Source:
        Segment's Webhooks (one message), Webhooks (Actions) (bare array), Extensible Webhook (array of
        ``{"json": …}``) and HTTP API (envelope): action-destinations, webhook and webhook-extensible.
    """
    if len(body) > _GIANT_BYTES:
        _check_text(body)
        if body.count(b"{") * _GIANT_BYTES < len(body):
            return _read_texts(body, most)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _read_singly(body.removeprefix(_BOM), error, most)
    items, envelope = _opened(parsed)
    _check_number(items, most)
    if _is_deep(body, items, envelope):
        # orjson reads deeper than it writes, so only the raw text can be kept.
        return Payload([_read(text) for text in _texts(body, most)], _envelope(body))
    return Payload([_checked(item) for item in items], envelope)


def _check_text(body: bytes) -> None:
    """Makes sure that a large body is no mere heap of marks, over which every later step would take long.

    Raises:
        RequestRefused: 400 ``invalid_json``.
    """
    marks = sum(body.count(mark) for mark in _MARKS)
    if marks * 5 > len(body) * 3 or body.removeprefix(_BOM).lstrip()[:1] not in (b"[", b"{"):
        raise RequestRefused(400, "invalid_json", "The body holds more punctuation than text.")


def _read_texts(body: bytes, most: int | None) -> Payload:
    """Gives the messages of a body whose objects are giants on average, without parsing those that are."""
    body = body.removeprefix(_BOM)
    if b'"batch"' not in body and not body.lstrip().startswith(b"["):
        return Payload([_read(body)])
    try:
        texts = _texts(body, most)
    except ValueError as error:
        raise RequestRefused(400, "invalid_json") from error
    _check_number(texts, most)
    return Payload([_read(text) for text in texts])


def _check_number(items: Sequence[object], most: int | None) -> None:
    if most is not None and len(items) > most:
        raise RequestRefused(413, "too_many_messages", f"More than {most} messages in one request.")


def signed_texts(body: bytes) -> list[bytes]:
    """Gives the raw texts that a sender may have signed: the body, or the first element of an array.

    Source:
        Webhooks (Actions) and Extensible Webhook sign the first event of a batch, the latter without its
        wrapper: action-destinations, webhook/index.ts and webhook-extensible/index.ts.
    """
    if not body.lstrip().startswith(b"["):
        return [body]
    try:
        first = next(json_text.parts(body), b"")
        inner = json_text.member(first, b"json") if first.startswith(b"{") else None
    except ValueError:
        return [body]
    return [body, first] if inner is None else [body, first, inner]


def text(item: object) -> bytes:
    """Gives a parsed message as JSON again."""
    return orjson.dumps(item)


def _opened(parsed: object) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(parsed, dict) and isinstance(parsed.get("batch"), list) and parsed.get("type") not in _CALLS:
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


def _read_singly(body: bytes, error: orjson.JSONDecodeError, most: int | None) -> Payload:
    try:
        texts = _texts(body, most)
    except ValueError:
        raise RequestRefused(400, "invalid_json", f"The body is not JSON: {error}") from error
    _check_number(texts, most)
    found = [_read(text) for text in texts]
    if found and all(isinstance(each, Unreadable) and each.rejection.code == "not_json" for each in found):
        raise RequestRefused(400, "invalid_json", f"The body is not JSON: {error}") from error
    return Payload(found, _envelope(body))


def _envelope(body: bytes) -> Mapping[str, Any]:
    """Gives what stands beside the messages of a body, or in its only one, but for what can't be read."""
    found: dict[str, Any] = {}
    for part in json_text.parts(body) if body.lstrip().startswith(b"{") else ():
        if part.startswith(_BESIDE) and json_text.depth(part) <= MAX_DEPTH:
            with suppress(orjson.JSONDecodeError):
                found |= orjson.loads(b"{" + part + b"}")
    return found


def _texts(body: bytes, most: int | None) -> list[bytes]:
    """Gives the raw texts of the messages; of too many, one more than there may be."""
    if body.lstrip().startswith(b"{"):
        batch = json_text.member(body, b"batch")
        if batch is None or not batch.startswith(b"[") or json_text.member(body, b"type") in _QUOTED_CALLS:
            return [body]
        body = batch
    if not body.lstrip().startswith(b"["):
        return [body]
    return list(islice(json_text.parts(body), None if most is None else most + 1))


def _read(text: bytes) -> dict[str, Any] | Unreadable:
    if len(text) > _GIANT_BYTES:
        return Unreadable(text, _rejection("message_too_large"))
    if json_text.depth(text) > MAX_DEPTH:
        return Unreadable(text, _rejection("nested_too_deep"))
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Unreadable(text, _rejection(_fault(text)))
    return _checked(item)


def _fault(text: bytes) -> str:
    """Gives the reason code of a text that only a lenient parser reads, if any."""
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
    """Gives the rejection of a code; one serves all, for a hostile body can hold a million bad elements."""
    return MessageRejected(code)
