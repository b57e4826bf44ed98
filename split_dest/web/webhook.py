"""The webhook: where Segment's webhook destinations post messages."""

from collections import Counter
from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, request

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import RequestRefused, StoreUnavailable
from split_dest.inbox import intake
from split_dest.inbox.intake import HighWater
from split_dest.inbox.store import Store
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item, item
from split_dest.segment import payload
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
        messages = payload.messages(received, payload.MAX_MESSAGES)
        items = [item(found, destination.rules, settings.intake.max_message_bytes) for found in messages]
        return _stored(name, items, settings, store)

    return door


def _stored(name: str, found: Sequence[Item], settings: Settings, store: Store) -> Response:
    receipt = intake.accept(
        store,
        name,
        found,
        dedupe_hours=settings.intake.dedupe_hours,
        wait_replicas=settings.redis.wait_replicas,
    )
    try:
        wake(store, name, sorted({lane for item in found for lane in item.lanes}))
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
