"""Map identify, group and delete calls to identities.

Every function that takes ``notes`` adds the reason codes of the parts that it repaired or left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from split_dest.errors import MessageFiltered
from split_dest.mapping import keys, values
from split_dest.mapping.rules import Attributes, Rules
from split_dest.segment.message import Message
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
    pairs = dict.fromkeys(keys.mapped(rules.identify.paths, message.fields, rules))
    if pairs and not attributes:
        raise MessageFiltered("traits_empty")
    return _identities(pairs, attributes, message, received_ms)


def from_group(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Identity]:
    """Return an identity for each traffic type that ``traits.split`` names, else for a mapped ``groupId``.

    The user who joins the group is not written.

    Raises:
        MessageFiltered: ``group_disabled``, ``traffic_type_unknown`` or ``no_mapped_identity``.

    Source:
        Harness FME, integrations/segment, "Identify additional traffic types in Split via .group()".
    """
    if not rules.group_enabled:
        raise MessageFiltered("group_disabled")
    traits = message.fields["traits"]
    split = traits.get("split")
    pairs = dict.fromkeys(keys.named(split, rules))
    pairs = pairs or dict.fromkeys(keys.mapped(["groupId"], message.fields, rules))
    if keys.names_unknown(split, rules):
        notes.add("traffic_type_skipped")
        if not pairs:
            raise MessageFiltered("traffic_type_unknown")
    others = {name: value for name, value in traits.items() if name != "split" or not keys.names_types(value)}
    return _identities(pairs, _attributes(others, rules.attributes, notes), message, received_ms)


def from_delete(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Identity]:
    """Return the deletion of each identity that an identify call with the same ids would write.

    Raises:
        MessageFiltered: ``delete_disabled`` or ``no_mapped_identity``.

    Source:
        segment-docs, partners/spec (a delete message has a ``userId``, and null or [] elsewhere).
    """
    del notes
    if not rules.delete_enabled:
        raise MessageFiltered("delete_disabled")
    pairs = dict.fromkeys(keys.mapped(rules.identify.paths, message.fields, rules))
    return _identities(pairs, None, message, received_ms)


def _identities(
    pairs: Iterable[keys.Pair], attributes: dict[str, str] | None, message: Message, received_ms: int
) -> list[Identity]:
    own_ms = message.timestamp_ms
    timestamp_ms = received_ms if own_ms is None else own_ms
    identities = [Identity(traffic_type, key, attributes, timestamp_ms) for traffic_type, key in pairs]
    if not identities:
        raise MessageFiltered("no_mapped_identity")
    return identities


def _attributes(traits: Mapping[str, Any], rules: Attributes, notes: set[str]) -> dict[str, str]:
    attributes = {}
    for name, value in values.flat(traits) if rules.nested == "flatten" else traits.items():
        attribute_id = limits.attribute_id(name)
        if attribute_id is not None and value is not None:
            attributes[attribute_id] = values.cut(_text(value), rules.max_length, notes)
    return attributes


def _text(value: object) -> str:
    """Return an attribute's value as a string; a list of plain values is Split's set, joined by commas.

    Source:
        docs.split.io, reference/attributes-overview (set); Harness FME, integrations/segment (255 characters,
        objects as their string version).
    """
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ",".join(values.text(item) for item in value if item is not None)
    return values.text(value)
