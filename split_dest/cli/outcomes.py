"""What a message becomes, by the code that the endpoint and the workers run; Split itself is not asked."""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from split_dest.cli import layout
from split_dest.config.settings import Settings
from split_dest.mapping import Mapped, to_impressions, to_split
from split_dest.mapping.acceptance import Item, impression_item, item
from split_dest.mapping.rules import Rules, SourceRules
from split_dest.mapping.tracks import Tracked, to_segment
from split_dest.segment import message, payload, tracking

if TYPE_CHECKING:
    # Not needed for a preview, and Redis's client would take longer to import than all the rest.
    from split_dest.inbox.dead_letters import DeadLetter

#: Only senders with a secret, and people with a file, use these; nobody else may delete an identity.
_OF_DELETES = ("webhook", "import")
#: Said when only Split knows a flag's traffic type.
ASKS_SPLIT = "flags that flag_traffic_types does not name: the workers ask Split for their traffic type"


def subject(received: object) -> tuple[str, str]:
    """Return what kind of message or impression it is, with its name, and whose it is; empty: it does not say."""
    if not isinstance(received, Mapping):
        return "", ""
    names = [received.get("type"), next((received[n] for n in ("event", "name", "split") if n in received), None)]
    ids = [received.get(name) for name in ("userId", "anonymousId", "groupId", "key")]
    what = " ".join(name for name in names if isinstance(name, str) and name)
    return what, next((str(each) for each in ids if isinstance(each, str | int) and each != ""), "")


def of_message(text: bytes, lanes: Iterable[str], rules: Rules) -> Mapped:
    """Return what a message that was stored now becomes in some of its lanes together."""
    restored, now_ms = message.restore(text), int(time.time() * 1000)
    parts = [(to_impressions if lane == "impressions" else to_split)(restored, rules, now_ms) for lane in lanes]
    return Mapped(
        events=tuple(event for part in parts for event in part.events),
        identities=tuple(identity for part in parts for identity in part.identities),
        impressions=tuple(impression for part in parts for impression in part.impressions),
        dropped=parts[0].dropped if all(part.dropped for part in parts) else None,
        notes=tuple(sorted({note for part in parts for note in part.notes})),
    )


def of_impression(text: bytes, rules: SourceRules) -> Tracked:
    """Return what an impression of Split's becomes, by the flags' traffic types that the settings name."""
    impression = orjson.loads(text)
    traffic_type = rules.flag_traffic_types.get(impression["split"])
    return to_segment(impression, rules, traffic_type, int(time.time() * 1000))


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What becomes of a letter that is replayed: a text that waits in a lane, or, without one, a refusal.

    ``code`` says why the endpoint refuses it again, or why the workers filter it; empty: it is delivered.
    """

    lane: str
    text: bytes
    code: str
    detail: str = ""

    @property
    def verb(self) -> str:
        """Return what happens to it."""
        if not self.lane:
            return "refused again"
        return "filtered" if self.code else "delivered"

    def __str__(self) -> str:
        where = layout.detail(self.code, self.detail)
        return f"{self.verb}: {self.code or self.lane}" + (f" ({where})" if where else "")


def of_letter(letter: "DeadLetter", settings: Settings) -> ReplayResult:
    """Return what becomes of a letter, by the code that its endpoint and the workers run."""
    if not letter.is_readable:
        return ReplayResult("", b"", "entry_unreadable")
    if letter.destination not in settings.destinations and letter.destination not in settings.sources:
        return ReplayResult("", b"", "unknown_destination", "nobody delivers it")
    if letter.reason == "write_key_differs":
        # It belongs elsewhere, even if it is a single message.
        return ReplayResult("", b"", letter.reason)
    if _may_be_forged(letter):
        return ReplayResult("", b"", letter.reason, "a delete whose endpoint is not known")
    taken = _again(letter, settings)
    if taken.reason == "not_json":
        # Also of what was cut, for another reason.
        return ReplayResult("", b"", letter.reason)
    if taken.reason:
        return ReplayResult("", b"", taken.reason, taken.detail)
    lane = letter.lane if letter.lane in taken.lanes else taken.lanes[0]
    # One that nobody could read was kept as an event; any other has a letter for each of its lanes.
    if lane != letter.lane and letter.lane != "events":
        return ReplayResult("", b"", "exposures_disabled")
    return ReplayResult(lane, taken.text, _filtered(letter.destination, lane, taken.text, settings))


def _may_be_forged(letter: "DeadLetter") -> bool:
    """True for a delete that may have come with a public write key, for its letter names no endpoint of deletes.

    What the Tracking API received is read by its own rules, which know no delete.
    """
    kept = None if letter.endpoint in (*_OF_DELETES, "tracking") else payload.single(letter.text)
    return isinstance(kept, dict) and kept.get("type") == "delete"


def _again(letter: "DeadLetter", settings: Settings) -> Item:
    """Return what a letter's endpoint would store of it: one message, as it was refused, and not a body."""
    # The size of any other was judged as it came in.
    max_bytes = settings.intake.max_message_bytes if letter.reason == "message_too_large" else None
    if letter.destination in settings.sources:
        return impression_item(payload.single(letter.text), max_bytes)
    rules = settings.destinations[letter.destination].rules
    if _is_of_tracking(letter):
        call = tracking.Call(None, letter.accepted_ms, max_bytes or sys.maxsize, str)
        return item(tracking.again(letter.text, call), rules, None, "tracking")
    return item(payload.single(letter.text), rules, max_bytes, letter.endpoint or "webhook")


def _is_of_tracking(letter: "DeadLetter") -> bool:
    """True for a letter of the Tracking API, and for one that an endpoint refused which is not known here."""
    return letter.endpoint == "tracking" or (letter.endpoint not in _OF_DELETES and letter.is_of_endpoint)


def _filtered(owner: str, lane: str, text: bytes, settings: Settings) -> str:
    """Return the reason code with which the workers would filter a message; empty: they would deliver it."""
    if owner not in settings.sources:
        return of_message(text, [lane], settings.destinations[owner].rules).dropped or ""
    code = of_impression(text, settings.sources[owner].rules).dropped
    # Of a flag that the settings do not name the workers ask Split.
    return "" if code in (None, "traffic_type_unknown") else code
