"""The Tracking API: Segment's SDKs post to it as they do to Segment."""

import base64
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import orjson
from flask import Blueprint, Response, g, jsonify, request

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import REASONS, RequestRefused, StoreUnavailable
from split_dest.inbox.intake import HighWater
from split_dest.mapping.acceptance import Item, beginning, item
from split_dest.segment import tracking
from split_dest.segment.pixel import body_of_query
from split_dest.segment.tracking import KINDS, Call
from split_dest.web import auth, body, cors
from split_dest.web.receiver import Receiver
from split_dest.web.turns import Turn

#: The only status that no SDK retries: analytics-node 2 retries all others.
_PERMANENT = 400
_TOO_LARGE = 413
#: Write keys are public, so dead letters from here must not fill Redis: 5,000 times 64 KiB are 330 MB.
MAX_DEAD_LETTERS = 5_000
_MAX_LETTER_BYTES = 65_536
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_NAME_OF_KEY = b"writeKey"
_KIND = f"<any({','.join(KINDS)}):kind>"


def blueprint(
    settings: Settings, receiver: Receiver, high_water: HighWater, count: Callable[[str], None]
) -> Blueprint:
    """Return the endpoints ``/v1/…``, each with and without a trailing slash.

    *count* counts the current request as refused, which the answer to a pixel can't say.
    """
    pages = Blueprint("tracking", __name__)
    pages.after_request(cors.allow)
    endpoint = _Endpoint(settings, receiver, high_water)
    _add_calls(pages, endpoint)
    _add_pictures(pages, endpoint, count)
    return pages


def _add_calls(pages: Blueprint, endpoint: "_Endpoint") -> None:
    @pages.post(f"/v1/{_KIND}", strict_slashes=False)
    def receive(kind: str) -> Response:
        write_key = auth.write_key(request.headers.get("Authorization", ""))
        if write_key is not None:
            # Reject unknown write keys before reading the body.
            endpoint.destinations(write_key)
        with _permanent(), body.receive(request, tracking.MAX_BODY_BYTES) as sent, endpoint.turns.begin() as turn:
            endpoint.receive(turn, turn.read(sent), kind, write_key)
        return jsonify(success=True)

    @pages.post("/v1/m", strict_slashes=False)
    def leave_telemetry() -> Response:
        return jsonify(success=True)

    @pages.get("/v1/projects/<write_key>/settings", strict_slashes=False)
    def tell_settings(write_key: str) -> Response:
        endpoint.destinations(write_key)
        # No apiHost: behind a proxy only the SDK's own configuration knows our name.
        return jsonify(integrations={"Segment.io": {"apiKey": write_key}}, metrics={"sampleRate": 0})


def _add_pictures(pages: Blueprint, endpoint: "_Endpoint", count: Callable[[str], None]) -> None:
    @pages.get("/v1/pixel", defaults={"kind": ""}, strict_slashes=False)
    @pages.get("/v1/pixel/<path:kind>", strict_slashes=False)
    def show_pixel(kind: str) -> Response:
        # A reader of an email should never see a broken image, so errors are only counted and logged.
        try:
            # A scanner that asks for the head shows the image to nobody.
            if request.method != "HEAD":
                _receive_pixel(endpoint, kind.rstrip("/"))
        except (RequestRefused, StoreUnavailable) as error:
            count(error.code)
            logs.often("pixel_lost", reason=error.code)
        return _picture()


def _receive_pixel(endpoint: "_Endpoint", kind: str) -> None:
    if kind not in KINDS:
        raise RequestRefused(404, "not_found")
    received = body_of_query(request.query_string.decode(errors="replace"))
    if _NAME_OF_KEY not in received and not _is_json(received):
        # Of a damaged message the write key may be left; here nothing is.
        raise RequestRefused(400, "invalid_json")
    with endpoint.turns.begin() as turn:
        endpoint.receive(turn, received, kind)


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _picture() -> Response:
    return Response(_GIF, mimetype="image/gif", headers={"Cache-Control": "no-store"})


class _Endpoint:
    """Accepts messages for the destinations that list their write key."""

    def __init__(self, settings: Settings, receiver: Receiver, high_water: HighWater) -> None:
        self._settings = settings
        self._receiver = receiver
        self._high_water = high_water
        self.turns = receiver.public_turns
        self._by_key: dict[str, list[str]] = defaultdict(list)
        for name, destination in settings.destinations.items():
            for write_key in dict.fromkeys(destination.write_keys):
                self._by_key[write_key].append(name)

    def destinations(self, write_key: str | None) -> Sequence[str]:
        """Return the names of the destinations that list a write key.

        Raises:
            RequestRefused: 401 ``unknown_source``.
        """
        names = self._by_key.get(write_key or "")
        if not names:
            raise RequestRefused(401, "unknown_source")
        # A request that is refused from here on counts as theirs.
        g.destinations = names
        return names

    def receive(self, turn: Turn, received: bytes, kind: str, write_key: str | None = None) -> None:
        """Accept the messages of a body for each destination of its write key.

        It is the header's key, or else the first known one of the body. Messages that came with a key that a
        destination does not list become one dead letter there.

        Raises:
            RequestRefused: the write key is unknown, or no message can be accepted.
            StoreUnavailable: the sender must try again.
        """
        most = self._settings.intake.max_message_bytes
        call = Call(KINDS[kind], int(time.time() * 1000), most, lambda: str(uuid.uuid4()), write_key)
        if write_key is None and _NAME_OF_KEY not in received:
            # Parsing it may take long, and without a write key it is refused in any case.
            raise RequestRefused(401, "unknown_source")
        posted = tracking.posted(received, call, turn.pause)
        names = self.destinations(next(filter(self._by_key.__contains__, posted.write_keys), None))
        shared = turn.share(posted, len(posted))
        self._high_water.check()
        messages = list(shared)
        for name in names:
            to = self._settings.destinations[name]
            # Their size was checked before the envelope's context was added.
            items = [
                _cut(item(each, to.rules, None, "tracking"))
                for each in turn.paced(posted.only(messages, to.write_keys))
            ]
            self._receiver.accept(name, items, max_dead=MAX_DEAD_LETTERS)
        _check(items)


def _cut(letter: Item) -> Item:
    """Return an item with its text truncated if it is a dead letter larger than any message."""
    if not letter.reason or len(letter.text) <= _MAX_LETTER_BYTES:
        return letter
    return replace(letter, text=beginning(letter.text, _MAX_LETTER_BYTES))


def _check(items: Sequence[Item]) -> None:
    """Refuse the request if none of its messages was accepted. All of them are kept as dead letters."""
    if not items:
        raise RequestRefused(_PERMANENT, "empty_batch")
    reasons = {each.reason for each in items}
    if "" in reasons:
        return
    if len(reasons) > 1:
        raise RequestRefused(_PERMANENT, "multi_user_error")
    code, detail = items[0].reason, items[0].detail
    where = "" if detail in ("", REASONS[code]) else f" ({detail})"
    raise RequestRefused(_PERMANENT, code, REASONS[code] + where)


@contextmanager
def _permanent() -> Iterator[None]:
    """Turn 413 into the only status that no SDK retries."""
    try:
        yield
    except RequestRefused as refused:
        if refused.status != _TOO_LARGE:
            raise
        raise RequestRefused(_PERMANENT, refused.code, refused.detail) from refused
