"""Notes on mapped messages: sanitized names, cut values, omitted properties and traffic types."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Properties
from tests.support.calls import KNOWN, RECEIVED_MS, call, mapped, track

NAMES = {f"p{n}": n for n in range(301)}
GOOD = {"account": "a1"}
UNKNOWN = {"starship": "s1"}


@pytest.mark.parametrize(
    ("sent", "notes"),
    [
        (track(), ()),
        (track(event=" Sample event "), ()),
        (track(event="Order Completed!"), ("event_type_id_sanitized",)),
        (track(event="e" * 81), ("event_type_id_sanitized",)),
        (call("page", name="Sign up!"), ("event_type_id_sanitized",)),
        (track(timestamp="soon"), ("timestamp_unreadable",)),
        (call("group", groupId="g", timestamp="soon", traits={"split": GOOD}), ("timestamp_unreadable",)),
        (track(timestamp=RECEIVED_MS + 300_001), ("timestamp_future",)),
        (call("identify", timestamp=RECEIVED_MS + 300_001, traits={"a": 1}), ("timestamp_future",)),
        (track(properties={"split": [{"account": 1e22}]}), ("key_skipped",)),
        (track(properties={"split": [GOOD, "partner"]}), ("key_skipped",)),
        (track(properties={"split": [GOOD, {"partner": None}, {"partner": " "}, None, ""]}), ()),
        (track(properties={"split": []}), ()),
        (call("identify", anonymousId="a" * 251, traits={"a": 1}), ("key_skipped",)),
        (call("identify", traits={"ü": 1, "a": 1}), ("name_unusable",)),
        (call("identify", traits={"ü": None, "a": 1}), ()),
        (call("identify", traits={"$a": 1, "a": 1}), ("name_taken",)),
        (call("identify", traits={"n" * 201: 1}), ("value_cut",)),
        (call("identify", traits={"n" * 200: 1}), ()),
        (call("identify", traits={"$a": None, "a": 1}), ()),
        (track(properties={"a": {"b": 1}, "a.b": 2}), ("name_taken",)),
        (track(_repaired=["text_repaired", "number_left_out"]), ("number_left_out", "text_repaired")),
        *((track(_repaired=odd), ()) for odd in ("text_repaired", ["odd", 1, {}], {"text_repaired": 1}, 7)),
        (track(properties={"p": "x" * 256}), ()),
        (track(properties={"p": "x" * 257}), ("value_cut",)),
        (track(properties={"p" * 257: 1}), ("value_cut",)),
        (track(properties={"p" * 256 + "q": 1, "r": "y" * 257}), ("value_cut",)),
        (track(properties=NAMES), ("properties_left_out",)),
        (track(properties={"split": [GOOD]}), ()),
        (track(properties={"split": [GOOD, UNKNOWN]}), ("traffic_type_skipped",)),
        (track(event="a!", properties={"split": UNKNOWN}), ("event_type_id_sanitized", "traffic_type_skipped")),
        (call("identify", traits={"bio": "x" * 255}), ()),
        (call("identify", traits={"bio": "x" * 256}), ("value_cut",)),
        (call("group", traits={"split": GOOD | UNKNOWN, "plan": "pro"}), ("traffic_type_skipped",)),
    ],
)
def test_what_is_repaired_or_left_out_is_noted(sent: dict[str, Any], notes: tuple[str, ...]):
    """Each kind of loss is counted once per message."""
    result = mapped(sent)

    assert result.dropped is None
    assert result.notes == notes


def test_an_event_over_its_size_is_noted():
    """Properties beyond the limits of Split's own clients are left out and counted."""
    wide = replace(KNOWN, properties=Properties(max_length=32_768))

    assert mapped(track(properties={"a": "x" * 31_000, "b": "y" * 31_000}), wide).notes == ("properties_left_out",)


@pytest.mark.parametrize(
    ("sent", "reason", "notes"),
    [
        (track(userId="u" * 251), "no_mapped_identity", ("key_skipped",)),
        (track(event="구매 VIP"), "event_type_id", ("event_type_id_unrecognizable",)),
        (track(event="", _repaired=["text_repaired"]), "event_type_id", ("text_repaired",)),
        (call("identify", traits={"ü": 1}), "traits_empty", ("name_unusable",)),
        (call("alias", _repaired=["number_left_out"]), "unsupported_type", ("alias", "number_left_out")),
    ],
)
def test_a_filtered_message_is_noted_as_well(sent: dict[str, Any], reason: str, notes: tuple[str, ...]):
    """What was left out may be why nothing is left to deliver."""
    result = mapped(sent)

    assert result.dropped == reason
    assert result.notes == notes


def test_what_a_setting_leaves_out_is_noted():
    """Objects and lists that properties.nested drops are counted."""
    dropping = replace(KNOWN, properties=Properties(nested="drop"))

    assert mapped(track(properties={"a": [1], "b": 2}), dropping).notes == ("properties_left_out",)
    assert mapped(track(properties={"b": 2}), dropping).notes == ()


def test_an_alias_is_told_apart():
    """An alias call counts as an unsupported type, and under its own name too."""
    result = mapped(call("alias", previousId="u0"))

    assert result.dropped == "unsupported_type"
    assert result.notes == ("alias",)
