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

#: The field that holds a call's name: one ``messageId`` may stand for calls of several names.
_NAMES = {"track": "event", "page": "name", "screen": "name"}


@dataclass(slots=True)
class Item:
    """A message to store: its lanes, its claim, its JSON text and, if it becomes a dead letter, why.

    Of items with the same ``claim`` only the first is stored, within ``dedupe_hours``. A message for delivery
    claims its sender's id. A dead letter claims only its own text, so that its repaired form is stored as well.
    """

    lanes: tuple[str, ...]
    claim: str
    text: bytes
    reason: str = ""
    detail: str = ""


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
        endpoint: ``webhook`` or ``tracking``, which received it. Each has its own claims, because the Tracking
            API's write keys are public.
    """
    if isinstance(received, Unreadable):
        return set_aside("events", received.text, received.rejection, received.sent, endpoint)
    try:
        loaded = message.load(received)
    except MessageRejected as rejection:
        return set_aside("events", payload.text(received), rejection, endpoint=endpoint)
    text, lanes = message.dump(loaded), lanes_of(loaded, rules)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(lanes, _claim_of(loaded, endpoint), text)
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
        return Item(("tracks",), tracks.message_id(impression), text)
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
    return Item((lane,), _letter_claim(sent or text, endpoint), text, rejection.code, rejection.detail)


def _too_large(lanes: tuple[str, ...], text: bytes, endpoint: str) -> Item:
    return Item(lanes, _letter_claim(text, endpoint), text, "message_too_large", f"{len(text)} bytes")


def _claim_of(loaded: Message, endpoint: str) -> str:
    """Return the claim of a message: JSON, in which no two lists of these values are alike."""
    field = _NAMES.get(loaded.type)
    name = None if field is None else loaded.fields.get(field)
    values = [endpoint, loaded.type, name, loaded.message_id]
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def _letter_claim(text: bytes, endpoint: str) -> str:
    return f"letter {endpoint} {hashlib.blake2b(text, digest_size=16).hexdigest()}"
