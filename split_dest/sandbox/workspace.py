"""The Split workspace that the sandbox plays: environments, traffic types, flags and identities."""

import re
from collections.abc import Set
from dataclasses import dataclass
from threading import Lock

from split_dest.sandbox.api import Record

WORKSPACE_ID = "ws-1"
WORKSPACE_NAME = "Default"
CHANGE_NUMBER = 1_700_000_000_000
"""The version of the flags, as Split counts it: the time of their last change in milliseconds."""


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
class FeatureFlag:
    """A flag that serves *treatment* to every key; *other* is its default treatment, which no key gets."""

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
    FeatureFlag("checkout_button", "user", "on", "off"),
    FeatureFlag("anonymous_banner", "anonymous", "on", "off"),
    FeatureFlag("account_pricing", "account", "v2", "v1"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The traffic type and the environment that an identity belongs to."""

    traffic_type: TrafficType
    environment: Environment


class Workspace:
    """What callers can change in the workspace: traffic types are added, identities written and deleted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._traffic_types: dict[str, TrafficType] = {}
        self._event_names: frozenset[str] = frozenset()
        self._identities: dict[tuple[Scope, str], Record] = {}
        for name in TRAFFIC_TYPES:
            self.add_traffic_type(name)

    def add_traffic_type(self, name: str) -> TrafficType | None:
        """Create the traffic type *name*; return None when its id, made of the name, exists."""
        created = TrafficType("tt-" + re.sub(r"[^a-z0-9]+", "-", name.lower()), name)
        with self._lock:
            if created.id in self._traffic_types:
                return None
            self._traffic_types[created.id] = created
            self._event_names |= {name, name.lower()}
        return created

    def traffic_types(self) -> list[TrafficType]:
        """Return all traffic types, oldest first."""
        with self._lock:
            return list(self._traffic_types.values())

    def event_names(self) -> Set[str]:
        """Return the names of traffic types in events: as created, and lower-cased as SDKs send them."""
        return self._event_names

    def traffic_type(self, traffic_type_id: str) -> TrafficType | None:
        """Return the traffic type of that id, None when it does not exist."""
        return self._traffic_types.get(traffic_type_id)

    def identity(self, scope: Scope, key: str) -> Record | None:
        """Return the attribute values of *key*, None when it does not exist."""
        with self._lock:
            return self._identities.get((scope, key))

    def save_identity(self, scope: Scope, key: str, values: Record) -> None:
        """Create or overwrite *key*: its former values are gone."""
        with self._lock:
            self._identities[scope, key] = dict(values)

    def update_identity(self, scope: Scope, key: str, values: Record) -> Record | None:
        """Overwrite *values* and leave the others; return them all, None when *key* does not exist."""
        with self._lock:
            former = self._identities.get((scope, key))
            if former is None:
                return None
            merged = self._identities[scope, key] = {**former, **values}
            return merged

    def delete_identity(self, scope: Scope, key: str) -> bool:
        """Remove *key*; return False when it does not exist."""
        with self._lock:
            return self._identities.pop((scope, key), None) is not None

    def clear_identities(self) -> None:
        """Remove all identities."""
        with self._lock:
            self._identities.clear()


def find_environment(environment_id: str) -> Environment | None:
    """Return the environment of that id, None when it does not exist."""
    return next((environment for environment in ENVIRONMENTS if environment.id == environment_id), None)
