"""Map track calls about experiments to impressions, so that flags evaluated elsewhere count in Split."""

from split_dest.errors import MessageFiltered
from split_dest.mapping import keys, moments, values
from split_dest.mapping.rules import Rules
from split_dest.segment.message import Message
from split_dest.split.records import Impression


def is_exposure(message: Message, rules: Rules) -> bool:
    """Return whether a message is a track call with the event name of ``exposures``."""
    exposures = rules.exposures
    return exposures.enabled and message.type == "track" and message.fields.get("event") == exposures.event


def from_exposure(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> Impression:
    """Return the impression of an exposure.

    A user evaluates a flag once, so there is one impression, for the first mapped id that is a valid key.

    Raises:
        MessageFiltered: ``exposures_disabled``, ``exposure_incomplete`` or ``no_mapped_identity``.

    Source:
        segment-docs, connections/spec/ab-testing (Experiment Viewed).
    """
    if not is_exposure(message, rules):
        raise MessageFiltered("exposures_disabled")
    flag, treatment = (
        values.at(path, message.fields) for path in (rules.exposures.flag, rules.exposures.treatment)
    )
    if not (isinstance(flag, str) and flag.strip() and isinstance(treatment, str) and treatment.strip()):
        raise MessageFiltered("exposure_incomplete")
    pairs = keys.mapped(rules.map_identities, message.fields, rules, notes)
    if not pairs:
        raise MessageFiltered("no_mapped_identity")
    timestamp_ms = moments.moment(message, received_ms, notes)
    return Impression(flag.strip(), pairs[0][1], treatment.strip(), timestamp_ms, rules.exposures.event)
