"""Calls that become no records, the ``integrations`` switch, and the lanes of calls."""

from typing import Any

import pytest

from split_dest.mapping import Mapped, lanes_of
from split_dest.segment import message
from tests.support.calls import KNOWN, call, mapped, track

KINDS = ["track", "page", "screen", "identify", "group"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("alias", "unsupported_type"),
        ("delete", "delete_disabled"),
        ("Track", "unsupported_type"),
        ("track ", "unsupported_type"),
        ("", "unsupported_type"),
        (None, "unsupported_type"),
        (7, "unsupported_type"),
    ],
)
def test_what_split_does_not_know_becomes_nothing(kind: Any, reason: str):
    """Alias calls, unknown types and calls without a type become no records and are counted."""
    sent = call(kind, event="E", name="N", previousId="u0", traits={"a": "b"})

    assert mapped(sent) == Mapped(dropped=reason, notes=("alias",) if kind == "alias" else ())


def test_the_browsers_telemetry_becomes_nothing():
    """The telemetry of the browser library is no message and becomes no record."""
    assert mapped({"series": [{"type": "Counter", "metric": "m", "value": 1}]}).dropped == "unsupported_type"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Split", "Harness FME", "Harness"])
def test_an_explicit_false_keeps_a_call_from_split(kind: str, name: str):
    """A false for Split in integrations filters a call out, whatever All says."""
    sent = call(kind, event="E", name="N", traits={"a": "b"}, integrations={"All": True, name: False})

    assert mapped(sent) == Mapped(dropped="filtered_by_integrations_object")


@pytest.mark.parametrize(
    "integrations",
    [
        None,
        {},
        [],
        False,
        {"All": False},
        {"all": False},
        {"All": False, "Webhooks": True},
        {"All": False, "Split": True},
        {"All": False, "Split": {"environment": "prod"}},
        {"Split": None},
        {"Split": 0},
        {"Split": ""},
        {"Split": "false"},
        {"split": False},
        {"Split.io": False},
        {"Mixpanel": False},
    ],
)
def test_anything_else_lets_a_call_pass(integrations: object):
    """Without a false for Split a call is mapped: replays and Engage send All: false for other destinations."""
    assert len(mapped(track(integrations=integrations)).events) == 1


@pytest.mark.parametrize(
    ("kind", "lane"),
    [
        ("track", "events"),
        ("page", "events"),
        ("screen", "events"),
        ("identify", "identities"),
        ("group", "identities"),
        ("delete", "identities"),
        ("alias", "events"),
        (None, "events"),
    ],
)
def test_a_call_waits_in_the_lane_of_what_it_becomes(kind: str | None, lane: str):
    """Events and identities have their own lanes; a deletion waits behind the writes before it."""
    assert lanes_of(message.load(call("x") | {"type": kind}), KNOWN) == (lane,)
