"""Segment's calls as tests send them, and the records that they become."""

from typing import Any

from split_dest.mapping import Mapped, to_split
from split_dest.mapping.rules import Rules
from split_dest.segment import message

SENT = "2019-10-31T15:03:38.971Z"
SENT_MS = 1572534218971
RECEIVED_MS = 1700000000000
TYPES = frozenset({"user", "anonymous", "account", "auction", "partner"})
KNOWN = Rules(traffic_types=TYPES)


def call(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a call of a known user."""
    return {"type": kind, "messageId": "m1", "userId": "u1", "timestamp": SENT, **fields}


def track(**fields: Any) -> dict[str, Any]:
    """Return a track call of a known user."""
    return call("track", **{"event": "signup", **fields})


def mapped(sent: dict[str, Any], rules: Rules = KNOWN) -> Mapped:
    """Return the records of a call, as an endpoint accepts it and a worker maps it."""
    taken = message.load(sent)
    return to_split(message.restore(message.dump(taken)), rules, RECEIVED_MS)


def keys(result: Mapped) -> list[tuple[str, str]]:
    """Return the traffic types and keys of a call's records."""
    return [(event.traffic_type_name, event.key) for event in result.events] + [
        (identity.traffic_type, identity.key) for identity in result.identities
    ]


def names(sent: dict[str, Any], rules: Rules = KNOWN) -> list[str] | str | None:
    """Return the event type ids of a call, or the reason why it has none."""
    result = mapped(sent, rules)
    return result.dropped or [event.event_type_id for event in result.events]


def values(sent: dict[str, Any], rules: Rules = KNOWN) -> dict[str, str] | str | None:
    """Return the attributes of a call of one identity, or the reason why it has none."""
    result = mapped(sent, rules)
    return dict(result.identities[0].values) if result.identities else result.dropped
