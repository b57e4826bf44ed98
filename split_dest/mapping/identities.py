"""Map identify, group and delete calls to identities.

Every function that takes ``notes`` adds the reason codes of the parts that it repaired or left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from split_dest.errors import MessageFiltered
from split_dest.mapping import keys, moments, values
from split_dest.mapping.rules import Attributes, Rules
from split_dest.segment.message import Message, count_pairs
from split_dest.split import limits
from split_dest.split.records import Identity


def from_identify(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Identity]:
    """Return an identity for each mapped id of an identify call, with its traits as attributes.

    Raises:
        MessageFiltered: ``identify_disabled``, ``no_mapped_identity`` or ``traits_empty``.

    Source:
        Harness FME, integrations/segment, "Identify".
    """
    if not rules.identify.enabled:
        raise MessageFiltered("identify_disabled")
    attributes = _attributes(message.fields["traits"], rules.attributes, notes)
    pairs = dict.fromkeys(keys.mapped(rules.identify.paths, message.fields, rules, notes))
    if pairs and not attributes:
        raise MessageFiltered("traits_empty")
    return _identities(pairs, attributes, message, received_ms, notes)


def from_group(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Identity]:
    """Return an identity for each traffic type that ``traits.split`` names, else for a mapped ``groupId``.

    The user who joins the group is not written. Without attributes the identity is named, but nothing that Split
    has of it is replaced by nothing.

    Raises:
        MessageFiltered: ``group_disabled``, ``traffic_type_unknown``, ``no_mapped_identity`` or, where identities
            are replaced, ``traits_empty``.

    Source:
        Harness FME, integrations/segment, "Identify additional traffic types in Split via .group()".
    """
    if not rules.group_enabled:
        raise MessageFiltered("group_disabled")
    traits = message.fields["traits"]
    split = traits.get("split")
    pairs = dict.fromkeys(keys.named(split, rules, notes) if count_pairs(split) else ())
    pairs = pairs or dict.fromkeys(keys.mapped(["groupId"], message.fields, rules, notes))
    if not pairs and "traffic_type_skipped" in notes:
        raise MessageFiltered("traffic_type_unknown")
    if keys.names_types(split, rules):
        traits = {name: value for name, value in traits.items() if name != "split"}
    attributes = _attributes(traits, rules.attributes, notes)
    if pairs and not attributes and rules.identify.mode == "replace":
        raise MessageFiltered("traits_empty")
    return _identities(pairs, attributes, message, received_ms, notes)


def from_delete(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Identity]:
    """Return the deletion of each identity that an identify call with the same ids would write.

    Raises:
        MessageFiltered: ``delete_disabled`` or ``no_mapped_identity``.

    Source:
        segment-docs, partners/spec (a delete message has a ``userId``, and null or [] elsewhere).
    """
    if not rules.delete_enabled:
        raise MessageFiltered("delete_disabled")
    pairs = dict.fromkeys(keys.mapped(rules.identify.paths, message.fields, rules, notes))
    return _identities(pairs, None, message, received_ms, notes)


def _identities(
    pairs: Iterable[keys.Pair],
    attributes: dict[str, str] | None,
    message: Message,
    received_ms: int,
    notes: set[str],
) -> list[Identity]:
    timestamp_ms = moments.moment(message, received_ms, notes)
    identities = [Identity(traffic_type, key, attributes, timestamp_ms) for traffic_type, key in pairs]
    if not identities:
        raise MessageFiltered("no_mapped_identity")
    return identities


def _attributes(traits: Mapping[str, Any], rules: Attributes, notes: set[str]) -> dict[str, str]:
    given = {name: value for name, value in traits.items() if value is not None}
    ids = {limits.attribute_id(name): value for name, value in given.items()}
    pairs: Iterable[tuple[str | None, Any]] = ids.items()
    # Nearly always their names differ; comparing the names that led to them takes half as long again.
    if rules.nested == "flatten" or len(ids) < len(given) or None in ids:
        pairs = _named_once(given, rules, notes).items()
    elif max(map(len, given), default=0) > limits.ATTRIBUTE_ID_MAX_CHARS:
        notes.add("value_cut")
    return {name: values.cut(_text(value), rules.max_length, notes) for name, value in pairs if name}


def _named_once(traits: Mapping[str, Any], rules: Attributes, notes: set[str]) -> dict[str, Any]:
    def named(dotted: str) -> str | None:
        if len(dotted) > limits.ATTRIBUTE_ID_MAX_CHARS:
            notes.add("value_cut")
        return limits.attribute_id(dotted)

    found = values.paths(traits, limits.attribute_stem if rules.nested == "flatten" else None)
    return values.named_once((each for each in found if each[2] is not None), named, notes)


def _text(value: object) -> str:
    """Return an attribute's value as a string; a list of plain values is Split's set, joined by commas.

    Source:
        docs.split.io, reference/attributes-overview (set); Harness FME, integrations/segment (255 characters,
        objects as their string version).
    """
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(values.text(item) for item in value if item is not None)
    return values.text(value)
