"""What the sandbox's Split account holds: one workspace, its environments, traffic types and flags."""

import re
from collections.abc import Set
from dataclasses import dataclass
from threading import Lock

WORKSPACE_ID = "ws-1"
WORKSPACE_NAME = "Default"
CHANGE_NUMBER = 1_700_000_000_000
"""When the flags last changed, in milliseconds; Split's word for a version."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of the workspace."""

    id: str
    name: str
    production: bool


@dataclass(frozen=True, slots=True)
class TrafficType:
    """A traffic type of the workspace."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag that gives every key *treatment*; *other* is its default treatment, served to nobody."""

    name: str
    traffic_type: str
    treatment: str
    other: str


ENVIRONMENTS = (
    Environment("env-production", "Production", production=True),
    Environment("env-staging", "Staging", production=False),
)
TRAFFIC_TYPES = ("user", "anonymous", "account", "auction", "partner")
FLAGS = (
    Flag("checkout_button", "user", "on", "off"),
    Flag("anonymous_banner", "anonymous", "on", "off"),
    Flag("account_pricing", "account", "v2", "v1"),
)


class Catalogue:
    """The traffic types, which callers may add to; the rest of the account never changes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._traffic_types: dict[str, TrafficType] = {}
        self._event_names: frozenset[str] = frozenset()
        for name in TRAFFIC_TYPES:
            self.add_traffic_type(name)

    def add_traffic_type(self, name: str) -> TrafficType | None:
        """Create the traffic type *name*; None when there is one of that name, or of an id so like it."""
        created = TrafficType("tt-" + re.sub(r"[^a-z0-9]+", "-", name.lower()), name)
        with self._lock:
            if created.id in self._traffic_types:
                return None
            self._traffic_types[created.id] = created
            self._event_names |= {name, name.lower()}
        return created

    def traffic_types(self) -> list[TrafficType]:
        """Return them all, oldest first."""
        with self._lock:
            return list(self._traffic_types.values())

    def traffic_type(self, traffic_type_id: str) -> TrafficType | None:
        """Return the traffic type of that id, None when there is none."""
        return self._traffic_types.get(traffic_type_id)

    def event_names(self) -> Set[str]:
        """Return what an event may call its traffic type: a name as created, or lower-cased as SDKs send it."""
        return self._event_names


def find_environment(environment_id: str) -> Environment | None:
    """Return the environment of that id, None when there is none."""
    return next((known for known in ENVIRONMENTS if known.id == environment_id), None)
