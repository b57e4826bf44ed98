"""Map Segment messages to Split's records, without a clock or I/O.

The same message and the same rules always make the same records.
"""

from dataclasses import dataclass

from split_dest.errors import MessageFiltered
from split_dest.mapping import events, exposures, identities
from split_dest.mapping.rules import Rules
from split_dest.segment import repair
from split_dest.segment.message import INTEGRATION_NAMES, Message
from split_dest.split.records import Event, Identity, Impression

_EVENTS = {"track": events.from_track, "page": events.from_page, "screen": events.from_screen}
_IDENTITIES = {
    "identify": identities.from_identify,
    "group": identities.from_group,
    "delete": identities.from_delete,
}


@dataclass(slots=True)
class Mapped:
    """The records that a message becomes.

    ``dropped`` is the reason code of a message that becomes no record, else None. ``notes`` are the reason codes
    of repaired and omitted parts, and of other things to count, whatever the message becomes.
    """

    events: tuple[Event, ...] = ()
    identities: tuple[Identity, ...] = ()
    impressions: tuple[Impression, ...] = ()
    dropped: str | None = None
    notes: tuple[str, ...] = ()


def to_split(message: Message, rules: Rules, received_ms: int) -> Mapped:
    """Return the records that a message becomes in Split.

    Args:
        message: as the endpoint accepted it.
        rules: of the destination it was sent to.
        received_ms: when it was accepted, in milliseconds; no record has a later time.

    Source:
        The documented behaviour of Split's Segment integration: Harness FME, integrations/segment.
    """
    notes = set(repair.notes(message.fields)) if repair.FIELD in message.fields else set()
    try:
        _require_meant(message)
        if message.type in _EVENTS:
            records = _EVENTS[message.type](message, rules, received_ms, notes)
            return Mapped(events=tuple(records), notes=_sorted_notes(notes))
        if message.type in _IDENTITIES:
            written = _IDENTITIES[message.type](message, rules, received_ms, notes)
            return Mapped(identities=tuple(written), notes=_sorted_notes(notes))
    except MessageFiltered as filtered:
        return Mapped(dropped=filtered.code, notes=_sorted_notes(notes))
    if message.type == "alias":
        notes.add("alias")
    return Mapped(dropped="unsupported_type", notes=_sorted_notes(notes))


def to_impressions(message: Message, rules: Rules, received_ms: int) -> Mapped:
    """Return the impression that a message becomes in Split in addition to its events.

    The arguments are those of ``to_split``.
    """
    notes = set(repair.notes(message.fields)) if repair.FIELD in message.fields else set()
    try:
        _require_meant(message)
        impression = exposures.from_exposure(message, rules, received_ms, notes)
        return Mapped(impressions=(impression,), notes=_sorted_notes(notes))
    except MessageFiltered as filtered:
        return Mapped(dropped=filtered.code, notes=_sorted_notes(notes))


def lanes_of(message: Message, rules: Rules) -> tuple[str, ...]:
    """Return the lanes in which a message waits for its deliveries."""
    if message.type in _IDENTITIES:
        return ("identities",)
    return ("events", "impressions") if exposures.is_exposure(message, rules) else ("events",)


def _sorted_notes(notes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(notes)) if notes else ()


def _require_meant(message: Message) -> None:
    # Only an explicit false counts: replays and Engage send All: false with other names
    # (segment-docs, guides/what-is-replay), and Segment has routed the message already.
    integrations = message.fields["integrations"]
    if integrations and any(integrations.get(name) is False for name in INTEGRATION_NAMES):
        raise MessageFiltered("filtered_by_integrations_object")
