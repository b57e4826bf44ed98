"""Split's records, as they leave for Split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Event:
    """One event. ``timestamp_ms`` is the message's own time; ``environment_name`` only for old accounts.

    Source:
        docs.split.io, reference/create-event.
    """

    event_type_id: str
    traffic_type_name: str
    key: str
    timestamp_ms: int
    value: int | float | None
    properties: Mapping[str, Any]
    environment_name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the event in Split's field names."""
        event = {
            "eventTypeId": self.event_type_id,
            "trafficTypeName": self.traffic_type_name,
            "key": self.key,
            "timestamp": self.timestamp_ms,
            "value": self.value,
            "properties": self.properties,
        }
        return event if self.environment_name is None else event | {"environmentName": self.environment_name}


@dataclass(frozen=True, slots=True)
class Identity:
    """The attributes of one key of a traffic type, all strings; ``timestamp_ms`` orders several of one key.

    ``values`` None: the key is to be deleted with all its attributes.

    Source:
        docs.split.io, reference/save-identity.
    """

    traffic_type: str
    key: str
    values: Mapping[str, str] | None
    timestamp_ms: int

    def to_json(self) -> dict[str, Any]:
        """Return the identity in Split's field names."""
        return {"trafficType": self.traffic_type, "key": self.key, "values": self.values}


@dataclass(frozen=True, slots=True)
class Impression:
    """A treatment that a key saw of a flag; ``label`` says why.

    Source:
        Harness FME, api/webhooks/impressions (names); python-client, api/impressions.py (an SDK's short ones).
    """

    flag: str
    key: str
    treatment: str
    timestamp_ms: int
    label: str

    def to_json(self) -> dict[str, Any]:
        """Return the impression in the field names of Split's documents."""
        return {
            "split": self.flag,
            "key": self.key,
            "treatment": self.treatment,
            "time": self.timestamp_ms,
            "label": self.label,
        }

    def to_sdk(self) -> dict[str, Any]:
        """Return the impression in an SDK's field names, as listed under its flag, whose version is not known."""
        return {
            "k": self.key,
            "t": self.treatment,
            "m": self.timestamp_ms,
            "c": 0,
            "r": self.label,
            "b": None,
            "pt": None,
        }
