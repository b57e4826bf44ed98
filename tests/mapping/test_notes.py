"""Notes on mapped messages: sanitized names, cut values, omitted properties and traffic types."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Properties
from tests.support.calls import KNOWN, call, mapped, track

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


def test_an_alias_is_told_apart():
    """An alias call counts as an unsupported type, and under its own name too."""
    result = mapped(call("alias", previousId="u0"))

    assert result.dropped == "unsupported_type"
    assert result.notes == ("alias",)
