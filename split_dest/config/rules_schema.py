"""What may stand below a destination about its mapping; it fills ``mapping.rules``."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from split_dest.config.kinds import PathOrPaths, Section, Switch, choice, text, texts, whole
from split_dest.mapping import rules
from split_dest.split import limits


class IdentifySection(Section):
    """``identify``."""

    makes = rules.Identify
    enabled = Switch()
    mode = choice("merge", "replace")
    paths = texts(data_key="identities")


class SwitchSection(Section):
    """``group`` and ``delete``, of which only the switch is left."""

    enabled = Switch()


class TrackSection(Section):
    """``track``."""

    makes = rules.Track
    enabled = Switch()
    event_type_id = text()
    value = PathOrPaths(allow_none=True)
    numeric_strings = Switch()
    included = texts(data_key="only")
    excluded = texts(data_key="except")


def _has_name(template: str) -> None:
    if "{name}" not in template:
        raise ValidationError("must hold {name}, the place of the page's or screen's name")


class PagesSection(Section):
    """``named_pages``."""

    makes: Any = staticmethod(lambda **found: rules.Named(**({"event_type_id": rules.PAGE_TEMPLATE} | found)))
    enabled = Switch()
    event_type_id = fields.String(validate=_has_name)


class ScreensSection(PagesSection):
    """``named_screens``."""

    makes = staticmethod(lambda **found: rules.Named(**({"event_type_id": rules.SCREEN_TEMPLATE} | found)))


class EventTypeIdsSection(Section):
    """``event_type_ids``."""

    makes = rules.EventTypeIds
    invalid = choice("sanitize", "drop")
    max_length = whole(1, limits.EVENT_TYPE_ID_MAX_CHARS)


class AttributesSection(Section):
    """``attributes``."""

    makes = rules.Attributes
    nested = choice("json", "flatten")
    max_length = whole(1, limits.ATTRIBUTE_MAX_CHARS)


class PropertiesSection(Section):
    """``properties``."""

    makes = rules.Properties
    nested = choice("flatten", "json", "drop")
    max_length = whole(1, limits.PROPERTY_MAX_CHARS)
    max_count = whole(0, limits.PROPERTIES_MAX_COUNT)


class ExposuresSection(Section):
    """``exposures``."""

    makes = rules.Exposures
    enabled = Switch()
    event = text()
    flag = text()
    treatment = text()


class RulesSection(Section):
    """Everything below a destination that the mapping reads."""

    map_identities = fields.Dict(
        keys=fields.String(validate=validate.Length(1)), values=fields.String(validate=validate.Length(1))
    )
    identify = fields.Nested(IdentifySection)
    group = fields.Nested(SwitchSection)
    delete = fields.Nested(SwitchSection)
    track = fields.Nested(TrackSection)
    named_pages = fields.Nested(PagesSection)
    named_screens = fields.Nested(ScreensSection)
    event_type_ids = fields.Nested(EventTypeIdsSection)
    attributes = fields.Nested(AttributesSection)
    properties = fields.Nested(PropertiesSection)
    exposures = fields.Nested(ExposuresSection)


def make_rules(found: dict[str, Any], account: dict[str, Any]) -> rules.Rules:
    """Gives the rules of a destination.

    Args:
        found: what stands below it, by the keys of ``RulesSection``; those keys are taken out.
        account: what stands below its ``split``; ``environment_name`` and ``traffic_types`` are taken out.
    """
    given = {name: found.pop(name) for name in _RULES if name in found}
    for name in ("group", "delete"):
        given[f"{name}_enabled"] = given.pop(name, {}).get("enabled", getattr(_DEFAULTS, f"{name}_enabled"))
    if "map_identities" in given:
        given["map_identities"] = {path: name.lower() for path, name in given["map_identities"].items()}
    traffic_types = frozenset(name.lower() for name in account.pop("traffic_types", ()))
    return rules.Rules(
        **given, traffic_types=traffic_types or None, environment_name=account.pop("environment_name", None)
    )


class SourceRulesSection(Section):
    """Everything below a source that the mapping reads."""

    environments = texts()
    map_traffic_types = fields.Dict(keys=text(), values=choice("userId", "anonymousId"))
    flag_traffic_types = fields.Dict(keys=text(), values=text())
    default_identity = fields.String(allow_none=True, validate=validate.OneOf(["userId", "anonymousId"]))
    event = text()
    skip_control = Switch()
    impression_properties = choice("merge", "drop")
    machine = Switch()


def make_source_rules(found: dict[str, Any]) -> rules.SourceRules:
    """Gives the rules of a source; the keys of ``SourceRulesSection`` are taken out of *found*."""
    given = {name: found.pop(name) for name in _SOURCE_RULES if name in found}
    if "environments" in given:
        given["environments"] = frozenset(given["environments"])
    if "map_traffic_types" in given:
        given["map_traffic_types"] = {name.lower(): field for name, field in given["map_traffic_types"].items()}
    if "flag_traffic_types" in given:
        given["flag_traffic_types"] = {flag: name.lower() for flag, name in given["flag_traffic_types"].items()}
    return rules.SourceRules(**given)


_DEFAULTS = rules.Rules()
# Once: to make a schema takes as long as to load a destination with it.
_RULES, _SOURCE_RULES = tuple(RulesSection().fields), tuple(SourceRulesSection().fields)
