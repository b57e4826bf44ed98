"""The webhook: where Segment's webhook destinations post messages."""

from functools import partial

from flask import Blueprint, Response, request

from split_dest.config.settings import Settings
from split_dest.errors import RequestRefused
from split_dest.inbox.intake import HighWater
from split_dest.mapping.acceptance import item
from split_dest.segment import payload
from split_dest.web import auth, body
from split_dest.web.accepting import Accepting

_METHODS = ("POST", "PUT", "PATCH")


def blueprint(settings: Settings, accepting: Accepting, high_water: HighWater) -> Blueprint:
    """Gives the door ``/webhook/<destination>``, with and without a slash at its end."""
    door = Blueprint("webhook", __name__)

    def receive(name: str) -> Response:
        destination = settings.destinations[name]
        auth.authenticate([request.headers.get("Authorization", "")], destination.authorization)
        body.note_known(request)
        received = body.read(request, settings.intake.max_body_bytes)
        if destination.signature_secrets:
            auth.check_signature(request.headers.get("X-Signature", ""), received, destination.signature_secrets)
        high_water.check()
        messages = payload.messages(received, payload.MAX_MESSAGES)
        items = [item(found, destination.rules, settings.intake.max_message_bytes) for found in messages]
        return accepting.answer(name, items)

    add = partial(door.add_url_rule, methods=_METHODS, strict_slashes=False)
    for number, name in enumerate(settings.destinations):
        # Each has an address of its own, for one with a variable takes twice as long to find.
        add(f"/webhook/{name}", f"receive_{number}", partial(receive, name))
    add("/webhook/<name>", "refuse", _refuse)
    return door


def _refuse(**_name: str) -> Response:
    raise RequestRefused(404, "unknown_destination")
