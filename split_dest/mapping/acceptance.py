"""What is stored of a received message, and in which lanes it waits; the same for every way in."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from split_dest.errors import MessageRejected
from split_dest.mapping import lanes_of, tracks
from split_dest.mapping.rules import Rules
from split_dest.segment import message, payload
from split_dest.segment.payload import Unreadable
from split_dest.split import impressions


@dataclass(slots=True)
class Item:
    """A message to store: its lanes, its id, its JSON text and, if it is to be set aside, why."""

    lanes: tuple[str, ...]
    message_id: str
    text: bytes
    reason: str = ""
    detail: str = ""


def item(found: dict[str, Any] | Unreadable, rules: Rules, max_message_bytes: int | None) -> Item:
    """Gives what to store of a message that a sender's body holds.

    Args:
        found: as ``payload.messages`` gives it.
        rules: of the destination it was sent to.
        max_message_bytes: of its JSON text as it is stored; a longer one is set aside. None: its size was judged.
    """
    if isinstance(found, Unreadable):
        return set_aside("events", found.text, found.rejection, found.message_id)
    try:
        loaded = message.load(found)
    except MessageRejected as rejection:
        return set_aside("events", payload.text(found), rejection)
    text, lanes = message.dump(loaded), lanes_of(loaded, rules)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(lanes, loaded.message_id, text)
    return Item(lanes, loaded.message_id, text, "message_too_large", f"{len(text)} bytes")


def impression_item(found: dict[str, Any] | Unreadable, max_message_bytes: int | None) -> Item:
    """Gives what to store of an impression that Split posted; arguments as for ``item``."""
    if isinstance(found, Unreadable):
        return set_aside("tracks", found.text, found.rejection)
    try:
        impression = impressions.load(found)
    except MessageRejected as rejection:
        return set_aside("tracks", payload.text(found), rejection)
    text, message_id = orjson.dumps(impression), tracks.message_id(impression)
    if max_message_bytes is None or len(text) <= max_message_bytes:
        return Item(("tracks",), message_id, text)
    return Item(("tracks",), message_id, text, "message_too_large", f"{len(text)} bytes")


def set_aside(lane: str, text: bytes, rejection: MessageRejected, message_id: str = "") -> Item:
    """Gives what to store of a text that can't be accepted; without an id its content stands for it."""
    message_id = message_id or "content-" + hashlib.blake2b(text, digest_size=16).hexdigest()
    return Item((lane,), message_id, text, rejection.code, rejection.detail)
