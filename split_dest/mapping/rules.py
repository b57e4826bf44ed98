"""The mapping rules of one destination, as config.yaml names them, with its defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from split_dest.split import limits

PAGE_TEMPLATE = "view_{name}_page"
SCREEN_TEMPLATE = "viewed_{name}_screen"
#: The name of the track calls that impressions become (Harness FME, integrations/segment).
IMPRESSION_EVENT = "get_treatment"

IdField = Literal["userId", "anonymousId"]


@dataclass(frozen=True, slots=True)
class Identify:
    """How identify calls become identities; ``paths`` are the paths of ``map_identities`` that they write."""

    enabled: bool = True
    mode: Literal["merge", "replace"] = "merge"
    paths: tuple[str, ...] = ("userId", "anonymousId")


@dataclass(frozen=True, slots=True)
class Track:
    """How track calls become events; ``event_type_id`` and ``value`` are paths in the message."""

    enabled: bool = True
    event_type_id: str = "event"
    value: tuple[str, ...] = ()
    numeric_strings: bool = True
    included: tuple[str, ...] = ()
    # Our own impressions coming back through Segment must not become events.
    excluded: tuple[str, ...] = (IMPRESSION_EVENT,)


@dataclass(frozen=True, slots=True)
class Named:
    """How named pages or screens become events; ``{name}`` stands for the call's name."""

    event_type_id: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class EventTypeIds:
    """What happens to a name that is no valid event type id."""

    invalid: Literal["sanitize", "drop"] = "sanitize"
    max_length: int = limits.EVENT_TYPE_ID_MAX_CHARS


@dataclass(frozen=True, slots=True)
class Attributes:
    """How traits become attributes; ``max_length`` in characters."""

    nested: Literal["json", "flatten"] = "json"
    max_length: int = limits.ATTRIBUTE_MAX_CHARS


@dataclass(frozen=True, slots=True)
class Properties:
    """How properties travel with events; ``max_length`` in characters."""

    nested: Literal["flatten", "json", "drop"] = "flatten"
    max_length: int = limits.PROPERTY_MAX_CHARS
    max_count: int = limits.PROPERTIES_MAX_COUNT


@dataclass(frozen=True, slots=True)
class Exposures:
    """How an event about an experiment becomes an impression; ``flag`` and ``treatment`` are paths."""

    enabled: bool = False
    event: str = "Experiment Viewed"
    flag: str = "properties.experiment_name"
    treatment: str = "properties.variation_name"


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that the mapping of a destination depends on.

    ``map_identities`` maps a path in the message to a traffic type, in the order of the settings.
    ``traffic_types`` are the names that Split has; None: not known, so every name counts.
    """

    map_identities: Mapping[str, str] = field(
        default_factory=lambda: {"userId": "user", "anonymousId": "anonymous"}
    )
    traffic_types: frozenset[str] | None = None
    environment_name: str | None = None
    identify: Identify = Identify()
    group_enabled: bool = True
    delete_enabled: bool = False
    track: Track = Track()
    named_pages: Named = Named(PAGE_TEMPLATE)
    named_screens: Named = Named(SCREEN_TEMPLATE)
    event_type_ids: EventTypeIds = EventTypeIds()
    attributes: Attributes = Attributes()
    properties: Properties = Properties()
    exposures: Exposures = Exposures()


@dataclass(frozen=True, slots=True)
class SourceRules:
    """Everything that the mapping of a source depends on.

    ``map_traffic_types`` maps a traffic type to the Segment field that takes its keys, and
    ``flag_traffic_types`` a flag to its traffic type.
    """

    environments: frozenset[str] = frozenset()
    map_traffic_types: Mapping[str, IdField] = field(
        default_factory=lambda: {"user": "userId", "anonymous": "anonymousId"}
    )
    flag_traffic_types: Mapping[str, str] = field(default_factory=dict)
    default_identity: IdField | None = None
    event: str = IMPRESSION_EVENT
    skip_control: bool = False
    impression_properties: Literal["merge", "drop"] = "merge"
    machine: bool = False
