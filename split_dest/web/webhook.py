"""The webhook: where Segment's webhook destinations post messages."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, request

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import MessageRejected, RequestRefused, StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import HighWater, Item
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping import lane_of
from split_dest.segment import message, payload
from split_dest.segment.payload import Unreadable
from split_dest.web import auth, body


def blueprint(settings: Settings, store: Store) -> Blueprint:
    """Gives the door ``/webhook/<destination>``, with and without a slash at its end."""
    door = Blueprint("webhook", __name__)
    high_water = HighWater(store, settings.intake.full_at_percent)

    @door.route("/webhook/<name>", methods=["POST", "PUT", "PATCH"], strict_slashes=False)
    @door.route("/webhook/<name>/", methods=["POST", "PUT", "PATCH"], strict_slashes=False)
    def receive(name: str) -> Response:
        destination = settings.destinations.get(name)
        if destination is None:
            raise RequestRefused(404, "unknown_destination")
        auth.authenticate(request.headers.get("Authorization", ""), destination.authorization)
        received = body.read(request, settings.intake.max_body_bytes)
        signature = request.headers.get("X-Signature", "")
        auth.check_signature(signature, received, destination.signature_secrets)
        high_water.check()
        return _stored(name, items(received, settings.intake.max_message_bytes), settings, store)

    return door


def items(received: bytes, max_message_bytes: int) -> list[Item]:
    """Gives what to store of a body: its messages, those that can't be accepted with the reason.

    Raises:
        RequestRefused: 400 ``invalid_json``, 413 ``too_many_messages``.
    """
    return [_item(found, max_message_bytes) for found in payload.messages(received, payload.MAX_MESSAGES)]


def _item(found: dict[str, object] | Unreadable, max_message_bytes: int) -> Item:
    if isinstance(found, Unreadable):
        return _set_aside(found.text, found.rejection)
    try:
        loaded = message.load(found)
    except MessageRejected as rejection:
        return _set_aside(payload.text(found), rejection)
    text = message.dump(loaded)
    if len(text) <= max_message_bytes:
        return Item(lane_of(loaded), loaded.message_id, text)
    return Item(lane_of(loaded), loaded.message_id, text, "message_too_large", f"{len(text)} bytes")


def _set_aside(text: bytes, rejection: MessageRejected) -> Item:
    message_id = "content-" + hashlib.blake2b(text, digest_size=16).hexdigest()
    return Item("events", message_id, text, rejection.code, rejection.detail)


def _stored(name: str, found: Sequence[Item], settings: Settings, store: Store) -> Response:
    receipt = intake.accept(
        store,
        name,
        found,
        dedupe_hours=settings.intake.dedupe_hours,
        wait_replicas=settings.redis.wait_replicas,
    )
    try:
        wake(store, name, sorted({item.lane for item in found}))
    except StoreUnavailable as error:
        logs.warning("not_woken", destination=name, detail=error.detail)
    if receipt.set_aside:
        logs.warning("set_aside", destination=name, reasons=Counter(i.reason for i in found if i.reason))
    return jsonify(
        success=True,
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        set_aside=receipt.set_aside,
    )
