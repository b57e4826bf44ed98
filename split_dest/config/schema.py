"""What may stand in a settings file: every key, its type and its range."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from split_dest.config import agreement, settings
from split_dest.config.kinds import (
    KeyField,
    Number,
    RedisUrl,
    SecretField,
    Section,
    Tuple,
    choice,
    named,
    number,
    text,
    texts,
    url,
    whole,
)
from split_dest.config.rules_schema import RulesSection, SourceRulesSection, make_rules, make_source_rules


class RedisSection(Section):
    """``redis``."""

    makes = settings.Redis
    url = RedisUrl()
    data_dir = text()
    wait_replicas = whole(0)


class IntakeSection(Section):
    """``intake``."""

    makes = settings.Intake
    max_message_bytes = whole(1)
    max_body_bytes = whole(1)
    dedupe_hours = number(0, 24 * 30)
    full_at_percent = whole(1, 100)


class DeliverySection(Section):
    """``delivery``."""

    makes = settings.Delivery
    batch_max_events = whole(1, 5000)
    batch_max_bytes = whole(1000, 1_000_000)
    timeout_seconds = number(0.1, 60)
    give_up_hours = Number(validate=validate.Range(0, min_inclusive=False))


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
    admin_key = KeyField()
    admin_header = choice("authorization", "x-api-key")
    workspace_id = text()


class DestinationAccountSection(AccountSection):
    """``split`` of a destination, of which the mapping needs a part."""

    makes = dict
    sdk_key = KeyField()
    environment = text()
    environment_name = fields.String(allow_none=True, validate=validate.Length(1))
    traffic_types = texts()


class DestinationSection(RulesSection):
    """One of ``destinations``."""

    authorization = Tuple(SecretField(), required=True, validate=validate.Length(1))
    signature_secrets = Tuple(SecretField())
    write_keys = texts()
    split = fields.Nested(DestinationAccountSection)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _agree(self, _found: Any, original: Any, *, partial: Any, **_: object) -> None:
        errors = agreement.errors(original, need_keys=not partial) if isinstance(original, Mapping) else {}
        if errors:
            raise ValidationError(errors)

    @post_load
    def make(self, found: dict[str, Any], **_: object) -> settings.Destination:
        """Gives the destination."""
        account = found.pop("split", {})
        rules = make_rules(found, account)
        return settings.Destination(**found, rules=rules, split=settings.SplitAccount(**account))


class SourceSection(SourceRulesSection):
    """One of ``sources``."""

    tokens = Tuple(SecretField(), required=True, validate=validate.Length(1))
    write_key = KeyField(required=True)
    split = fields.Nested(AccountSection)

    @post_load
    def make(self, found: dict[str, Any], **_: object) -> settings.Source:
        """Gives the source."""
        rules = make_source_rules(found)
        return settings.Source(**found, rules=rules)


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

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _have_names_of_their_own(self, _found: Any, original: Any, **_: object) -> None:
        both = agreement.shared_names(original) if isinstance(original, Mapping) else []
        if both:
            text = "is the name of a destination as well; give the source another"
            raise ValidationError({"sources": {name: {"key": [text]} for name in both}})
