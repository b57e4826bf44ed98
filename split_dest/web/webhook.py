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
from split_dest.web.fairness import paced

_METHODS = ("POST", "PUT", "PATCH")


def blueprint(settings: Settings, accepting: Accepting, high_water: HighWater) -> Blueprint:
    """Gives the door ``/webhook/<destination>``, with and without a slash at its end."""
    door = Blueprint("webhook", __name__)

    def receive(name: str) -> Response:
        destination = settings.destinations[name]
        auth.authenticate([request.headers.get("Authorization", "")], destination.authorization)
        with accepting.long_work.on(body.receive(request, settings.intake.max_body_bytes)) as received:
            if destination.signature_secrets:
                signature = request.headers.get("X-Signature", "")
                auth.check_signature(signature, received, destination.signature_secrets)
            high_water.check()
            messages = paced(payload.messages(received, payload.MAX_MESSAGES))
            most_bytes = settings.intake.max_message_bytes
            items = [item(found, destination.rules, most_bytes) for found in messages]
            return accepting.answer(name, items)

    add = partial(door.add_url_rule, methods=_METHODS, strict_slashes=False)
    for number, name in enumerate(settings.destinations):
        # Each has an address of its own, for one with a variable takes twice as long to find.
        add(f"/webhook/{name}", f"receive_{number}", partial(receive, name))
    add("/webhook/<name>", "refuse", _refuse)
    return door


def _refuse(**_name: str) -> Response:
    raise RequestRefused(404, "unknown_destination")
