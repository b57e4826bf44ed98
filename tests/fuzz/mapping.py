"""A message and some rules to Split's records, by the laws of tests/mapping."""

from collections.abc import Iterator

import orjson

from split_dest.errors import REASONS, MessageRejected, RequestRefused
from split_dest.mapping import to_impressions, to_split
from split_dest.mapping.rules import Attributes, EventTypeIds, Exposures, Properties, Rules, Track
from split_dest.segment import message, payload
from tests.support.legal import assert_event, assert_identity, assert_key, assert_time
from tests.support.samples import SAMPLES

IDENTITIES = {"userId": "user", "anonymousId": "anonymous", "groupId": "account", "properties.a": "a"}


def rules(bits: int) -> Rules:
    """Return one of 256 sets of rules."""
    return Rules(
        map_identities=IDENTITIES,
        traffic_types=frozenset({"user", "account"}) if bits & 1 else None,
        delete_enabled=True,
        track=Track(value=("properties.revenue", "properties.a"), numeric_strings=bool(bits & 2)),
        event_type_ids=EventTypeIds(
            "drop" if bits & 4 else "sanitize", 1 if bits & 8 else 80, "hash" if bits & 16 else "drop"
        ),
        attributes=Attributes("flatten" if bits & 16 else "json", 1 if bits & 32 else 255),
        properties=Properties(("flatten", "json", "drop", "flatten")[bits >> 6], 256, 1 if bits & 8 else 300),
        exposures=Exposures(enabled=True),
    )


def seeds() -> Iterator[bytes]:
    """Yield the recorded bodies, each with other rules."""
    for number, sample in enumerate(SAMPLES.values()):
        if sample.get("body") is not None:
            yield bytes([number * 37 % 256]) + orjson.dumps(sample["body"])
    shown = {
        "event": "Experiment Viewed",
        "properties": {"experiment_name": "f", "variation_name": "on", "a": 1.5},
    }
    yield b"\0" + orjson.dumps({"type": "track", "userId": "u", **shown})


def try_one(data: bytes) -> None:
    """Every accepted message becomes legal records, or nothing with a listed reason; never both."""
    chosen = rules((data or b"\0")[0])
    try:
        items = payload.messages(data[1:], 100)
    except RequestRefused:
        return
    for each in items:
        if isinstance(each, dict):
            try:
                map_one(message.load(each), chosen)
            except MessageRejected as rejected:
                assert rejected.code in REASONS


def map_one(taken: message.Message, chosen: Rules) -> None:
    """Map a message and check the records."""
    mapped, shown = to_split(taken, chosen, 1), to_impressions(taken, chosen, 1)
    for event in mapped.events:
        assert_event(orjson.loads(orjson.dumps(event.to_json())))
    for identity in mapped.identities:
        if identity.values is None:
            assert_key(identity.key)
        else:
            assert_identity(orjson.loads(orjson.dumps(identity.to_json())))
    for impression in shown.impressions:
        assert_key(impression.key)
        assert_time(impression.timestamp_ms)
        orjson.dumps(impression.to_sdk())
    for result in (mapped, shown):
        kinds = [
            bool(result.events),
            bool(result.identities),
            bool(result.impressions),
            result.dropped is not None,
        ]
        assert kinds.count(True) == 1
        assert result.dropped in (None, *REASONS)
        assert set(result.notes) <= set(REASONS)
