"""The impressions door: where Split's impressions webhook posts what users saw."""

from flask import Blueprint, Response, request

from split_dest.config.settings import Settings
from split_dest.errors import RequestRefused
from split_dest.inbox.intake import HighWater
from split_dest.mapping.acceptance import impression_item
from split_dest.segment import payload
from split_dest.web import auth, body
from split_dest.web.accepting import Accepting

#: Split posts all of ten seconds at once, and never again what was refused.
_MAX_IMPRESSIONS = 50_000
_MAX_BODY_BYTES = 20_000_000


def blueprint(settings: Settings, accepting: Accepting, high_water: HighWater) -> Blueprint:
    """Return the door ``/impressions/<source>``, whose token may stand in the path, the query or a header."""
    door = Blueprint("impressions", __name__)

    most_bytes = settings.intake.max_message_bytes

    @door.post("/impressions/<name>", strict_slashes=False)
    @door.post("/impressions/<name>/<token>", strict_slashes=False)
    def receive(name: str, token: str = "") -> Response:
        source = settings.sources.get(name)
        if source is None:
            raise RequestRefused(404, "unknown_destination")
        shown = (token, request.args.get("token", ""), request.headers.get("Authorization", ""))
        auth.authenticate(shown, source.tokens)
        with body.receive(request, _MAX_BODY_BYTES) as sent, accepting.turns.begin() as turn:
            received = turn.read(sent)
            high_water.check()
            found = payload.messages(received, _MAX_IMPRESSIONS)
            items = [impression_item(each, most_bytes) for each in turn.share(found, len(found))]
            return accepting.answer(name, items)

    return door
