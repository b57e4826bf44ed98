"""The frozen settings, as every other part reads them. Defaults that the mapping needs stand in its rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from split_dest.mapping.rules import Rules, SourceRules

AdminHeader = Literal["authorization", "x-api-key"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that no output shows."""

    _value: str

    def reveal(self) -> str:
        """Gives the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Redis:
    """Where the messages are stored."""

    # It may hold a password.
    url: str = field(default="embedded", repr=False)
    data_dir: str = "var/redis"
    wait_replicas: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """What the door takes."""

    max_message_bytes: int = 32_768
    max_body_bytes: int = 5_000_000
    dedupe_hours: float = 24
    full_at_percent: int = 80


@dataclass(frozen=True, slots=True)
class Delivery:
    """How batches leave."""

    batch_max_events: int = 1000
    batch_max_bytes: int = 900_000
    timeout_seconds: float = 10
    give_up_hours: float = 24


@dataclass(frozen=True, slots=True)
class SplitUrls:
    """Where Split's two APIs are."""

    events_url: str = "https://events.split.io/api"
    admin_url: str = "https://api.split.io/internal/api/v2"


@dataclass(frozen=True, slots=True)
class SegmentUrl:
    """Where Segment's Tracking API is."""

    url: str = "https://api.segment.io/v1"


@dataclass(frozen=True, slots=True)
class Console:
    """Who may look at the console."""

    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class SplitAccount:
    """One Split environment and the keys to it."""

    sdk_key: Secret | None = None
    admin_key: Secret | None = None
    admin_header: AdminHeader = "authorization"
    workspace_id: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """One place where Segment delivers and Split receives."""

    authorization: tuple[Secret, ...] = ()
    signature_secrets: tuple[Secret, ...] = ()
    write_keys: tuple[str, ...] = ()
    split: SplitAccount = SplitAccount()
    rules: Rules = Rules()

    @property
    def sends_identities(self) -> bool:
        """True when any call becomes or removes an identity, so that an admin key is needed."""
        return self.rules.identify.enabled or self.rules.group_enabled or self.rules.delete_enabled


@dataclass(frozen=True, slots=True)
class Source:
    """One flow of Split's impressions to Segment."""

    tokens: tuple[Secret, ...] = ()
    write_key: Secret | None = None
    split: SplitAccount = SplitAccount()
    rules: SourceRules = SourceRules()


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one environment."""

    redis: Redis = Redis()
    intake: Intake = Intake()
    delivery: Delivery = Delivery()
    split: SplitUrls = SplitUrls()
    segment: SegmentUrl = SegmentUrl()
    console: Console = Console()
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
