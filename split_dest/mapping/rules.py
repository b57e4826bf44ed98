"""The mapping rules of a destination and of a source, with the names, defaults and ranges of the settings file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from split_dest.mapping.setting import setting
from split_dest.split import limits

#: The name of the track calls that impressions become (Harness FME, integrations/segment).
IMPRESSION_EVENT = "get_treatment"

IdField = Literal["userId", "anonymousId"]
#: Types of values that the settings file holds as plain strings or lists.
Paths = Annotated[tuple[str, ...], "a path, a list of paths, or null for none"]
Template = Annotated[str, "contains {name}"]
TrafficType = Annotated[str, "in lower case, as Split compares them"]


@dataclass(frozen=True, slots=True)
class Identify:
    """How identify calls become identities."""

    enabled: bool = setting(True, "identify calls become identities")
    mode: Literal["merge", "replace"] = setting("merge", "the identity's other attributes stay, or go")
    paths: tuple[str, ...] = setting(
        ("userId", "anonymousId"), "which paths of map_identities identify calls write", key="identities"
    )


@dataclass(frozen=True, slots=True)
class Track:
    """How track calls become events."""

    enabled: bool = setting(True, "track calls become events")
    event_type_id: str = setting("event", "the path to the event type id: a path, not a name")
    value: Paths = setting(
        (), "a path or a list of paths: the first that leads to a number counts", nullable=True, example="null"
    )
    numeric_strings: bool = setting(True, 'a string such as "39.95" counts as a number')
    included: tuple[str, ...] = setting(
        (), "event names to deliver, * stands for anything; empty: all", key="only"
    )
    # Impressions that this service itself sent to Segment must not come back as events.
    excluded: tuple[str, ...] = setting(
        (IMPRESSION_EVENT,), "event names not to deliver; counts more than only", key="except"
    )


@dataclass(frozen=True, slots=True)
class Named:
    """How named pages or screens become events."""

    event_type_id: Template = setting("{name}", "{name} stands for the name of the page or screen")
    enabled: bool = setting(True, "named calls become events")


@dataclass(frozen=True, slots=True)
class EventTypeIds:
    """How names become event type ids that Split accepts."""

    invalid: Literal["sanitize", "drop"] = setting("sanitize", "replace them, or drop the event")
    max_length: int = setting(
        limits.EVENT_TYPE_ID_MAX_CHARS,
        "characters of an event type id",
        minimum=1,
        maximum=limits.EVENT_TYPE_ID_MAX_CHARS,
    )
    unrecognizable: Literal["drop", "hash"] = setting(
        "drop", "if sanitize loses what tells a name apart: drop the event, or add a hash of its name"
    )


@dataclass(frozen=True, slots=True)
class Attributes:
    """How traits become attributes."""

    nested: Literal["json", "flatten"] = setting("json", "objects become JSON, or one for each path in them")
    max_length: int = setting(
        limits.ATTRIBUTE_MAX_CHARS,
        "characters; the rest is cut off",
        minimum=1,
        maximum=limits.ATTRIBUTE_MAX_CHARS,
    )


@dataclass(frozen=True, slots=True)
class Properties:
    """How the properties of a call become those of its events."""

    nested: Literal["flatten", "json", "drop"] = setting(
        "flatten", "objects become one for each path in them, or JSON, or nothing"
    )
    max_length: int = setting(
        limits.PROPERTY_MAX_CHARS, "characters; the rest is cut off", minimum=1, maximum=limits.PROPERTY_MAX_CHARS
    )
    max_count: int = setting(
        limits.PROPERTIES_MAX_COUNT, "more are left out", minimum=0, maximum=limits.PROPERTIES_MAX_COUNT
    )


@dataclass(frozen=True, slots=True)
class Exposures:
    """How an event about an experiment becomes an impression."""

    enabled: bool = setting(False, "track calls about an experiment become impressions as well")
    event: str = setting("Experiment Viewed", "the name of these track calls")
    flag: str = setting("properties.experiment_name", "the path to the flag's name")
    treatment: str = setting("properties.variation_name", "the path to the treatment")


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that the mapping of a destination depends on.

    ``traffic_types`` are the names that Split has; None: not known, so every name counts.
    """

    map_identities: Mapping[str, TrafficType] = setting(
        {"userId": "user", "anonymousId": "anonymous"},
        "a path in the message: the traffic type of the id found there",
    )
    traffic_types: frozenset[TrafficType] | None = setting(
        None,
        "those that Split has; empty: the Admin API is asked",
        key="split.traffic_types",
        example="[]",
    )
    environment_name: str | None = setting(
        None, "only for old accounts: sent with every event", key="split.environment_name", nullable=True
    )
    identify: Identify = setting(Identify())
    group_enabled: bool = setting(True, "group calls become identities", key="group.enabled")
    delete_enabled: bool = setting(
        False, "a Segment delete message removes the identity in Split", key="delete.enabled"
    )
    track: Track = setting(Track())
    named_pages: Named = setting(Named("view_{name}_page"))
    named_screens: Named = setting(Named("viewed_{name}_screen"))
    event_type_ids: EventTypeIds = setting(EventTypeIds(), "names with characters that Split does not take")
    attributes: Attributes = setting(Attributes(), "traits")
    properties: Properties = setting(Properties())
    exposures: Exposures = setting(Exposures())


@dataclass(frozen=True, slots=True)
class SourceRules:
    """Everything that the mapping of a source depends on."""

    environments: frozenset[str] = setting(
        frozenset(), "names of the Split environments whose impressions to send; empty: all"
    )
    map_traffic_types: Mapping[TrafficType, IdField] = setting(
        {"user": "userId", "anonymous": "anonymousId"}, "a traffic type: the id field that takes its keys"
    )
    flag_traffic_types: Mapping[str, TrafficType] = setting(
        {}, "a flag: its traffic type; the Admin API is asked for others"
    )
    default_identity: IdField | None = setting(
        None, "for a flag that Split does not know; null: not sent", nullable=True
    )
    event: str = setting(IMPRESSION_EVENT, "the name of the track calls")
    skip_control: bool = setting(False, "impressions with the treatment control are not sent")
    impression_properties: Literal["merge", "drop"] = setting(
        "merge", "its properties are added, overriding nothing, or left out"
    )
    machine: bool = setting(False, "machineName and machineIp are sent as well")
