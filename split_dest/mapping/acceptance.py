"""What is stored of a received message, and the lanes in which it waits; the same for every endpoint."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from split_dest.errors import MessageRejected
from split_dest.mapping import lanes_of, tracks
from split_dest.mapping.rules import Rules
from split_dest.segment import message, payload, repair
from split_dest.segment.message import Message
from split_dest.segment.payload import Unreadable
from split_dest.split import impressions

#: The endpoints that write claims of their own; what is imported is known to the webhook too, and the reverse.
_CLAIMS_AS = {"import": "webhook"}
#: Ends a text of which only the beginning is kept: it can't be read as JSON, wherever it was cut.
_CUT = "…".encode()
#: The field that holds a call's name: one ``messageId`` may stand for calls of several names.
_NAMES = {"track": "event", "page": "name", "screen": "name"}


@dataclass(slots=True)
class Item:
    """A message to store: its lanes, its claim, its JSON text and, if it becomes a dead letter, why.

    ``endpoint`` is what received it: ``webhook``, ``tracking``, ``impressions`` or ``import``; empty: unknown. By
    the rules of that one a dead letter is read again.

    Of items with the same ``claim`` only the first is stored, within ``dedupe_hours``. A message for delivery
    claims its sender's id. A dead letter claims only its own text, so that its repaired form is stored as well.
    """

    lanes: tuple[str, ...]
    claim: str
    text: bytes
    reason: str = ""
    detail: str = ""
    endpoint: str = ""


def item(
    received: dict[str, Any] | Unreadable,
    rules: Rules,
    max_message_bytes: int | None,
    endpoint: str = "webhook",
) -> Item:
    """Return what to store of a message in a sender's body.

    Args:
        received: as ``payload.messages`` returns it.
        rules: of the destination it was sent to.
        max_message_bytes: of its JSON text as it is stored; a longer one becomes a dead letter. None: its size
            has been checked already.
        endpoint: ``webhook``, ``tracking`` or ``import``, which received it. The Tracking API has its own claims,
            because its write keys are public.
    """
    if isinstance(received, Unreadable):
        return set_aside("events", received.text, received.rejection, received.sent, endpoint)
    try:
        loaded = message.load(received)
    except MessageRejected as rejection:
        return set_aside("events", payload.text(received), rejection, endpoint=endpoint)
    text, lanes = message.dump(loaded), lanes_of(loaded, rules)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(lanes, _claim_of(loaded, endpoint), text, endpoint=endpoint)
    return _too_large(lanes, text, endpoint)


def impression_item(received: dict[str, Any] | Unreadable, max_message_bytes: int | None) -> Item:
    """Return what to store of an impression that Split posted; arguments as for ``item``."""
    if isinstance(received, Unreadable):
        return set_aside("tracks", received.text, received.rejection, endpoint="impressions")
    try:
        impression = impressions.load(received)
    except MessageRejected as rejection:
        return set_aside("tracks", payload.text(received), rejection, endpoint="impressions")
    text = orjson.dumps({**impression, repair.FIELD: codes} if (codes := repair.notes(received)) else impression)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(("tracks",), tracks.message_id(impression), text, endpoint="impressions")
    return _too_large(("tracks",), text, "impressions")


def set_aside(
    lane: str, text: bytes, rejection: MessageRejected, sent: bytes = b"", endpoint: str = "webhook"
) -> Item:
    """Return what to store of a text that can't be accepted.

    Args:
        lane: the lane in which it counts.
        text: as it is kept.
        rejection: why.
        sent: the text by which it is recognised when its sender sends it again; empty: *text*.
        endpoint: as for ``item``, or ``impressions``.
    """
    return Item((lane,), _letter_claim(sent or text, endpoint), text, rejection.code, rejection.detail, endpoint)


def beginning(text: bytes, max_bytes: int) -> bytes:
    """Return the beginning of a text, which ends so that nobody takes it for a whole message."""
    return text[: max_bytes - len(_CUT)] + _CUT


def _too_large(lanes: tuple[str, ...], text: bytes, endpoint: str) -> Item:
    return Item(lanes, _letter_claim(text, endpoint), text, "message_too_large", f"{len(text)} bytes", endpoint)


def _claim_of(loaded: Message, endpoint: str) -> str:
    """Return the claim of a message: JSON, in which no two lists of these values are alike."""
    field = _NAMES.get(loaded.type)
    name = None if field is None else loaded.fields.get(field)
    values = [_CLAIMS_AS.get(endpoint, endpoint), loaded.type, name, loaded.message_id]
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def _letter_claim(text: bytes, endpoint: str) -> str:
    return f"letter {_CLAIMS_AS.get(endpoint, endpoint)} {hashlib.blake2b(text, digest_size=16).hexdigest()}"
