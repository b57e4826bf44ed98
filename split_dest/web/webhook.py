"""The endpoint for Segment's webhook destinations."""

from flask import Blueprint, Response, request

from split_dest.config.settings import Settings
from split_dest.errors import RequestRefused
from split_dest.inbox.intake import HighWater
from split_dest.mapping.acceptance import item
from split_dest.segment import payload
from split_dest.web import auth, body
from split_dest.web.receiver import Receiver

_METHODS = ("POST", "PUT", "PATCH")


def blueprint(settings: Settings, receiver: Receiver, high_water: HighWater) -> Blueprint:
    """Return the endpoint ``/webhook/<destination>``, with and without a slash at its end."""
    pages = Blueprint("webhook", __name__)
    intake, max_bytes = settings.intake, settings.intake.max_message_bytes

    @pages.route("/webhook/<name>", methods=_METHODS, strict_slashes=False)
    def receive(name: str) -> Response:
        destination = settings.destinations.get(name)
        if destination is None:
            raise RequestRefused(404, "unknown_destination")
        auth.authenticate([request.headers.get("Authorization", "")], destination.authorization)
        with body.receive(request, intake.max_body_bytes) as sent, receiver.turns.begin() as turn:
            received = turn.read(sent)
            if destination.signature_secrets:
                signature = request.headers.get("X-Signature", "")
                auth.check_signature(signature, received, destination.signature_secrets)
            messages = payload.messages(received, payload.MAX_MESSAGES, turn.pause)
            shared = turn.share(messages, len(messages))
            # After the wait for a turn, because Redis may have fallen silent meanwhile.
            high_water.check()
            items = [item(each, destination.rules, max_bytes) for each in shared]
            return receiver.answer(name, items)

    return pages
