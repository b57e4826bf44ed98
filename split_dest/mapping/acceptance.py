"""What is stored of a received message, and in which lanes it waits; the same for every way in."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from split_dest.errors import MessageRejected
from split_dest.mapping import lanes_of, tracks
from split_dest.mapping.rules import Rules
from split_dest.segment import message, payload
from split_dest.segment.message import Message
from split_dest.segment.payload import Unreadable
from split_dest.split import impressions

#: Where a call's name is: one ``messageId`` may stand for calls of several names.
_NAMES = {"track": "event", "page": "name", "screen": "name"}


@dataclass(slots=True)
class Item:
    """A message to store: its lanes, its claim, its JSON text and, if it is to be set aside, why.

    Of items with the same ``claim`` only the first is stored, within ``dedupe_hours``. What is stored for
    delivery claims its sender's id. What is set aside claims only its own text, so that its repaired form is
    stored as well.
    """

    lanes: tuple[str, ...]
    claim: str
    text: bytes
    reason: str = ""
    detail: str = ""


def item(
    found: dict[str, Any] | Unreadable, rules: Rules, max_message_bytes: int | None, door: str = "webhook"
) -> Item:
    """Return what to store of a message that a sender's body holds.

    Args:
        found: as ``payload.messages`` returns it.
        rules: of the destination it was sent to.
        max_message_bytes: of its JSON text as it is stored; a longer one is set aside. None: its size was judged.
        door: ``webhook`` or ``tracking``: where it came in. Each has claims of its own, because the Tracking API's
            write keys are public.
    """
    if isinstance(found, Unreadable):
        return set_aside("events", found.text, found.rejection, found.sent, door)
    try:
        loaded = message.load(found)
    except MessageRejected as rejection:
        return set_aside("events", payload.text(found), rejection, door=door)
    text, lanes = message.dump(loaded), lanes_of(loaded, rules)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(lanes, _claim_of(loaded, door), text)
    return _too_large(lanes, text, door)


def impression_item(found: dict[str, Any] | Unreadable, max_message_bytes: int | None) -> Item:
    """Return what to store of an impression that Split posted; arguments as for ``item``."""
    if isinstance(found, Unreadable):
        return set_aside("tracks", found.text, found.rejection, door="impressions")
    try:
        impression = impressions.load(found)
    except MessageRejected as rejection:
        return set_aside("tracks", payload.text(found), rejection, door="impressions")
    text = orjson.dumps(impression)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(("tracks",), tracks.message_id(impression), text)
    return _too_large(("tracks",), text, "impressions")


def set_aside(
    lane: str, text: bytes, rejection: MessageRejected, sent: bytes = b"", door: str = "webhook"
) -> Item:
    """Return what to store of a text that can't be accepted.

    Args:
        lane: in which it counts.
        text: as it is kept.
        rejection: why.
        sent: by which it is recognised when its sender sends it again; empty: by *text*.
        door: where it came in, as for ``item``; or ``impressions``.
    """
    return Item((lane,), _letter_claim(sent or text, door), text, rejection.code, rejection.detail)


def _too_large(lanes: tuple[str, ...], text: bytes, door: str) -> Item:
    return Item(lanes, _letter_claim(text, door), text, "message_too_large", f"{len(text)} bytes")


def _claim_of(loaded: Message, door: str) -> str:
    """Return the claim of a message: as JSON, in which no two lists of these values are alike."""
    field = _NAMES.get(loaded.type)
    name = None if field is None else loaded.fields.get(field)
    values = [door, loaded.type, name, loaded.message_id]
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def _letter_claim(text: bytes, door: str) -> str:
    return f"letter {door} {hashlib.blake2b(text, digest_size=16).hexdigest()}"
