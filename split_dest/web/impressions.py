"""The endpoint for Split's impressions webhook: which treatments users saw."""

from flask import Blueprint, Response, request

from split_dest.config.settings import Settings
from split_dest.errors import RequestRefused
from split_dest.inbox.intake import HighWater
from split_dest.mapping.acceptance import impression_item
from split_dest.segment import payload
from split_dest.web import auth, body
from split_dest.web.receiver import Receiver

#: Split posts ten seconds of impressions at once, and never retries.
_MAX_IMPRESSIONS = 50_000
_MAX_BODY_BYTES = 20_000_000


def blueprint(settings: Settings, receiver: Receiver, high_water: HighWater) -> Blueprint:
    """Return the endpoint ``/impressions/<source>``. Its token may be in the path, the query or a header."""
    endpoint = Blueprint("impressions", __name__)
    max_bytes = settings.intake.max_message_bytes

    @endpoint.post("/impressions/<name>", strict_slashes=False)
    @endpoint.post("/impressions/<name>/<token>", strict_slashes=False)
    def receive(name: str, token: str = "") -> Response:
        source = settings.sources.get(name)
        if source is None:
            raise RequestRefused(404, "unknown_destination")
        shown = (token, request.args.get("token", ""), request.headers.get("Authorization", ""))
        auth.authenticate(shown, source.tokens)
        with body.receive(request, _MAX_BODY_BYTES) as sent, receiver.turns.begin() as turn:
            received = turn.read(sent)
            messages = payload.messages(received, _MAX_IMPRESSIONS, turn.pause)
            shared = turn.share(messages, len(messages))
            high_water.check()
            items = [impression_item(each, max_bytes) for each in shared]
            return receiver.answer(name, items)

    return endpoint
