"""What may stand in a settings file: every key, its type and its range."""

from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from split_dest.config import settings
from split_dest.config.kinds import (
    SecretField,
    Section,
    Tuple,
    choice,
    named,
    redis_url,
    switch,
    text,
    texts,
    url,
    whole,
)
from split_dest.config.rules_schema import RulesSection, make_rules


class RedisSection(Section):
    """``redis``."""

    makes = settings.Redis
    url = redis_url()
    data_dir = text()
    wait_replicas = whole(0)


class IntakeSection(Section):
    """``intake``."""

    makes = settings.Intake
    max_message_bytes = whole(1)
    max_body_bytes = whole(1)
    dedupe_hours = fields.Float(validate=validate.Range(0, 24 * 30))
    full_at_percent = whole(1, 100)


class DeliverySection(Section):
    """``delivery``."""

    makes = settings.Delivery
    batch_max_events = whole(1, 5000)
    batch_max_bytes = whole(1000, 1_000_000)
    timeout_seconds = fields.Float(validate=validate.Range(0.1, 60))
    give_up_hours = fields.Float(validate=validate.Range(0, min_inclusive=False))


class SplitUrlsSection(Section):
    """``split``."""

    makes = settings.SplitUrls
    events_url = url()
    admin_url = url()


class SegmentSection(Section):
    """``segment``."""

    makes = settings.SegmentUrl
    url = url()


class ConsoleSection(Section):
    """``console``."""

    makes = settings.Console
    password = SecretField()


class AccountSection(Section):
    """``split`` of a source."""

    makes: Any = settings.SplitAccount
    admin_key = SecretField()
    admin_header = choice("authorization", "x-api-key")
    workspace_id = text()


class DestinationAccountSection(AccountSection):
    """``split`` of a destination, of which the mapping needs a part."""

    makes = dict
    sdk_key = SecretField()
    environment = text()
    environment_name = fields.String(allow_none=True, validate=validate.Length(1))
    traffic_types = texts()


class DestinationSection(RulesSection):
    """One of ``destinations``."""

    authorization = Tuple(SecretField(), required=True, validate=validate.Length(1))
    signature_secrets = Tuple(SecretField())
    write_keys = texts()
    split = fields.Nested(DestinationAccountSection)

    @validates_schema(pass_original=True)
    def _identities_are_mapped(self, found: dict[str, Any], original: Any, **_: object) -> None:
        mapped = found.get("map_identities", make_rules({}, {}).map_identities)
        given = (original.get("identify") or {}).get("identities") or ()
        unmapped = [path for path in given if path not in mapped]
        if unmapped:
            raise ValidationError(
                {"identify": {"identities": [f"not in map_identities: {', '.join(map(str, unmapped))}"]}}
            )

    @validates_schema
    def _types_are_listed(self, found: dict[str, Any], **_: object) -> None:
        listed = {name.lower() for name in found.get("split", {}).get("traffic_types", ())}
        for path, name in found.get("map_identities", {}).items():
            if listed and name.lower() not in listed:
                text = f"traffic type {name} is not in split.traffic_types"
                raise ValidationError({"map_identities": {path: {"value": [text]}}})

    @validates_schema
    def _keys_are_there(self, found: dict[str, Any], *, partial: Any, **_: object) -> None:
        missing = [] if partial else list(_missing_keys(found))
        if missing:
            raise ValidationError({"split": {name: [text] for name, text in missing}})

    @post_load
    def make(self, found: dict[str, Any], **_: object) -> settings.Destination:
        """Gives the destination."""
        return _destination(found)


def _destination(found: dict[str, Any]) -> settings.Destination:
    rest = dict(found)
    account = dict(rest.pop("split", {}))
    rules = make_rules(rest, account)
    return settings.Destination(**rest, rules=rules, split=settings.SplitAccount(**account))


def _missing_keys(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    destination = _destination(found)
    if destination.sends_events and destination.split.sdk_key is None:
        yield "sdk_key", "is required while track, named_pages or named_screens is enabled"
    for name in ("admin_key", "workspace_id", "environment"):
        if destination.sends_identities and getattr(destination.split, name) is None:
            yield name, "is required while identify, group or delete is enabled"


class SourceSection(Section):
    """One of ``sources``."""

    makes = settings.Source
    tokens = Tuple(SecretField(), required=True, validate=validate.Length(1))
    write_key = SecretField(required=True)
    environments = texts()
    split = fields.Nested(AccountSection)
    map_traffic_types = fields.Dict(keys=text(), values=choice("userId", "anonymousId"))
    flag_traffic_types = fields.Dict(keys=text(), values=text())
    default_identity = fields.String(allow_none=True, validate=validate.OneOf(["userId", "anonymousId"]))
    event = text()
    skip_control = switch()
    impression_properties = choice("merge", "drop")
    machine = switch()


class SettingsSection(Section):
    """The whole file."""

    makes = settings.Settings
    redis = fields.Nested(RedisSection)
    intake = fields.Nested(IntakeSection)
    delivery = fields.Nested(DeliverySection)
    split = fields.Nested(SplitUrlsSection)
    segment = fields.Nested(SegmentSection)
    console = fields.Nested(ConsoleSection)
    destinations = named(DestinationSection)
    sources = named(SourceSection)
