"""The frozen settings, with the names, defaults and ranges of the file; those of the mapping are its rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from split_dest.mapping.rules import Rules, SourceRules
from split_dest.mapping.setting import setting

AdminHeader = Literal["authorization", "x-api-key"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that no output shows."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__


#: Types of values that the settings file holds as plain strings.
Key = Annotated[Secret, "travels in a header"]
Name = Annotated[str, "stands in a URL and in keys of Redis"]
Prefix = Annotated[str, "the beginning of keys of Redis"]
RedisUrl = Annotated[str, "embedded, or the address of a Redis"]
Url = Annotated[str, "http or https"]


@dataclass(frozen=True, slots=True)
class Redis:
    """Where the messages are stored."""

    # The address may contain a password.
    url: RedisUrl = setting(
        "embedded",
        "embedded | redis:// | rediss:// | unix:// | redis+sentinel://host:port,…/service/0",
        shown=False,
    )
    data_dir: str = setting("var/redis", "the folder of the embedded Redis, relative to this file's folder")
    prefix: Prefix = setting("sd", "every key begins with it; each environment on one Redis needs its own")
    wait_replicas: int = setting(0, "200 is answered once this many replicas have the messages", minimum=0)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """The limits of the endpoints."""

    max_message_bytes: int = setting(32_768, "a larger message becomes a dead letter", minimum=1)
    max_body_bytes: int = setting(5_000_000, "a larger webhook request, decompressed, gets 413", minimum=1)
    dedupe_hours: float = setting(24, "how long a message is known again; 0: never", minimum=0, maximum=720)
    full_at_percent: int = setting(80, "of Redis's maxmemory: above it senders get 503", minimum=1, maximum=100)


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """The limits of calls to Split and Segment."""

    batch_max_events: int = setting(1000, "events in one call to Split", minimum=1, maximum=5000)
    batch_max_bytes: int = setting(900_000, "bytes in one call to Split", minimum=1000, maximum=1_000_000)
    timeout_seconds: float = setting(10, "how long Split may take to answer", minimum=0.1, maximum=60)
    give_up_hours: float = setting(24, "then a message that Split refuses becomes a dead letter", above=0)


@dataclass(frozen=True, slots=True)
class SplitUrls:
    """Where Split's two APIs are."""

    events_url: Url = setting("https://events.split.io/api", "where events and impressions go")
    admin_url: Url = setting("https://api.split.io/internal/api/v2", "where identities go")


@dataclass(frozen=True, slots=True)
class SegmentUrl:
    """Where Segment's Tracking API is."""

    url: Url = setting("https://api.segment.io/v1", "where impressions go as track calls")


@dataclass(frozen=True, slots=True)
class Console:
    """Access to the console."""

    password: Secret | None = setting(None, "no effect yet", example="${CONSOLE_PASSWORD:-}")


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """How Split's Admin API is called."""

    admin_key: Key | None = setting(None, "an Admin API key", example="${SPLIT_ADMIN_KEY}")
    admin_header: AdminHeader = setting("authorization", "x-api-key: accounts migrated to Harness")
    workspace_id: str | None = setting(None, "the id of the workspace", example="ws-1")


@dataclass(frozen=True, slots=True)
class SplitAccount(AdminAccess):
    """One Split environment and the keys to it."""

    sdk_key: Key | None = setting(
        None,
        "required for events: a server-side SDK key of their environment",
        example="${SPLIT_SDK_KEY}",
    )
    environment: str | None = setting(
        None, "the name or id of the environment of identities", example="Production"
    )


@dataclass(frozen=True, slots=True)
class Destination:
    """One place where Segment delivers and Split receives."""

    authorization: tuple[Secret, ...] = setting(
        (),
        "any of them is accepted, so that one can be rotated",
        required=True,
        example='["${WEB_PRODUCTION_SECRET}"]',
    )
    signature_secrets: tuple[Secret, ...] = setting((), "if there are any, X-Signature must be right as well")
    write_keys: tuple[str, ...] = setting((), "Segment write keys that lead here at /v1/…")
    split: SplitAccount = setting(
        SplitAccount(), "admin_key, workspace_id and environment are required for identities"
    )
    rules: Rules = setting(Rules(), inline=True)

    @property
    def sends_identities(self) -> bool:
        """Return whether any call becomes or removes an identity, so that an admin key is needed."""
        return self.rules.identify.enabled or self.rules.group_enabled or self.rules.delete_enabled


@dataclass(frozen=True, slots=True)
class Source:
    """One flow of Split's impressions to Segment."""

    tokens: tuple[Secret, ...] = setting(
        (),
        "Split shows one in the query, the path or a header",
        required=True,
        example='["${FLAGS_PRODUCTION_TOKEN}"]',
    )
    write_key: Key | None = setting(
        None, "of a Segment HTTP API source", required=True, example="${SEGMENT_WRITE_KEY}"
    )
    split: AdminAccess = setting(AdminAccess(), "to ask for the traffic types of flags")
    rules: SourceRules = setting(SourceRules(), inline=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one environment."""

    redis: Redis = setting(Redis())
    intake: IntakeLimits = setting(IntakeLimits())
    delivery: DeliveryLimits = setting(DeliveryLimits())
    split: SplitUrls = setting(SplitUrls())
    segment: SegmentUrl = setting(SegmentUrl())
    console: Console = setting(Console())
    destinations: Mapping[Name, Destination] = setting(
        {}, "Split as a destination of Segment, which posts to /webhook/<name>", example="web-production"
    )
    sources: Mapping[Name, Source] = setting(
        {}, "Split as a source of Segment: it posts to /impressions/<name>", example="flags-production"
    )
