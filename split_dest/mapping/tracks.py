"""Map Split's impressions to Segment's track calls."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from split_dest.errors import MessageFiltered
from split_dest.mapping import moments
from split_dest.mapping.rules import SourceRules
from split_dest.segment import repair, times
from split_dest.split.impressions import Received

#: Segment's own limit for one message (segment-docs, sources/catalog/libraries/server/http-api).
MAX_BYTES = 32_768

#: The webhook's own names, as they stand in a track call's properties.
_PROPERTIES = (
    "split",
    "treatment",
    "label",
    "key",
    "bucketingKey",
    "environmentId",
    "environmentName",
    "splitVersionNumber",
    "sdk",
    "sdkVersion",
)
_MACHINE = ("machineName", "machineIp")
_IDENTITY = ("environmentId", "split", "key", "bucketingKey", "treatment", "splitVersionNumber", "time")


@dataclass(frozen=True, slots=True)
class Tracked:
    """The track call that an impression becomes, or why it becomes none; ``notes`` as in ``Mapped``."""

    track: Mapping[str, Any] | None
    dropped: str | None = None
    notes: tuple[str, ...] = ()


def to_segment(impression: Received, rules: SourceRules, traffic_type: str | None, received_ms: int) -> Tracked:
    """Return the track call that tells Segment which treatment a user saw.

    Args:
        impression: as ``split.impressions.load`` returns it.
        rules: of the source it came from.
        traffic_type: of its flag; None: not known.
        received_ms: when it was accepted, in milliseconds; no track call has a later time.

    Source:
        Harness FME, integrations/segment, "Split as a source"; integrations/guides/verify-impressions.
    """
    notes = set(repair.notes(impression))
    try:
        track = _track(impression, rules, traffic_type)
        track["timestamp"] = times.to_text(moments.bounded(impression["time"], received_ms, notes))
    except MessageFiltered as filtered:
        return Tracked(None, filtered.code, tuple(sorted(notes)))
    own = _own_properties(impression, notes) if rules.impression_properties == "merge" else {}
    full = track | {"properties": own | track["properties"]}
    if own and len(orjson.dumps(full)) > MAX_BYTES:
        notes.add("properties_left_out")
        full = track
    return Tracked(full, notes=tuple(sorted(notes)))


def kept_out(impression: Received, rules: SourceRules) -> str | None:
    """Return the reason code by which the settings filter out an impression, whatever its flag, or None."""
    if rules.environments and impression.get("environmentName") not in rules.environments:
        return "environment"
    if rules.skip_control and impression["treatment"] == "control":
        return "control_skipped"
    return None


def message_id(impression: Received) -> str:
    """Return an id made of the impression, so that neither side counts one that is sent twice."""
    content = orjson.dumps([impression.get(name) for name in _IDENTITY])
    return "split-" + hashlib.sha256(content).hexdigest()


def _track(impression: Received, rules: SourceRules, traffic_type: str | None) -> dict[str, Any]:
    reason = kept_out(impression, rules)
    if reason is not None:
        raise MessageFiltered(reason)
    names = _PROPERTIES + (_MACHINE if rules.machine else ())
    return {
        "type": "track",
        "event": rules.event,
        _id_field(rules, traffic_type): impression["key"],
        "messageId": message_id(impression),
        "properties": {name: impression[name] for name in names if name in impression},
    }


def _id_field(rules: SourceRules, traffic_type: str | None) -> str:
    if traffic_type is not None and traffic_type not in rules.map_traffic_types:
        raise MessageFiltered("traffic_type_unmapped")
    field = rules.default_identity if traffic_type is None else rules.map_traffic_types[traffic_type]
    if field is None:
        raise MessageFiltered("traffic_type_unknown")
    return field


def _own_properties(impression: Received, notes: set[str]) -> dict[str, Any]:
    """Return the impression's own properties, which SDKs send as the text of a JSON object.

    Source:
        python-client, api/impressions.py; Harness FME, api/webhooks/impressions ("reserved for future use").
    """
    properties = impression.get("properties")
    if isinstance(properties, str):
        with suppress(ValueError):
            properties, codes = repair.read(properties.encode())
            notes |= codes
    if not isinstance(properties, dict | None):
        notes.add("properties_left_out")
    return properties if isinstance(properties, dict) else {}
