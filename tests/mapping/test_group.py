"""Group calls: identities of the traffic types they name."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Attributes, Identify, Rules
from tests.support.calls import KNOWN, SENT_MS, call, keys, mapped, values

ACCOUNTS = replace(KNOWN, map_identities={"userId": "user", "groupId": "account"})


def group(split: object, **fields: Any) -> dict[str, Any]:
    """Return a group call of a known user and visitor."""
    return call(
        "group", **{"anonymousId": "a1", "groupId": "g1", "traits": {"plan": "pro", "split": split}, **fields}
    )


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ({"account": "acc"}, [("account", "acc")]),
        ({"account": "acc", "partner": 7}, [("account", "acc"), ("partner", "7")]),
        ([{"account": "acc"}, {"partner": "p1"}], [("account", "acc"), ("partner", "p1")]),
        ({" Account ": "acc"}, [("account", "acc")]),
        ({"account": "acc", "spaceship": "x", "partner": ""}, [("account", "acc")]),
        ({"user": "u2"}, [("user", "u2")]),
    ],
)
@pytest.mark.parametrize("rules", [KNOWN, ACCOUNTS])
def test_each_named_type_gets_the_other_traits(split: object, expected: list[tuple[str, str]], rules: Rules):
    """Only the types in split are written, not the user, the visitor or groupId; unknown types are skipped."""
    result = mapped(group(split), rules)

    assert keys(result) == expected
    assert [each.values for each in result.identities] == [{"plan": "pro"}] * len(expected)
    assert {each.timestamp_ms for each in result.identities} == {SENT_MS}
    assert result.events == ()


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        (None, "no_mapped_identity"),
        ({}, "no_mapped_identity"),
        ([], "no_mapped_identity"),
        ("account", "no_mapped_identity"),
        ({"account": ""}, "no_mapped_identity"),
        ({"spaceship": "x"}, "traffic_type_unknown"),
        ([{"spaceship": "x"}], "traffic_type_unknown"),
    ],
)
def test_without_a_known_type_nothing_is_written_unless_group_ids_are_mapped(split: object, reason: str):
    """Without split a mapped groupId counts."""
    assert values(group(split)) == reason
    assert keys(mapped(group(split), ACCOUNTS)) == [("account", "g1")]


@pytest.mark.parametrize("group_id", [None, "", " ", "g" * 251])
def test_a_group_id_that_makes_no_key_writes_nothing(group_id: object):
    """A groupId in context is not written, for it belongs to other calls."""
    rules = replace(KNOWN, map_identities={"groupId": "account", "context.groupId": "account"})

    assert values(group(None, groupId=group_id, context={"groupId": "g2"}), rules) == "no_mapped_identity"


@pytest.mark.parametrize(
    ("split", "expected"), [({"account": "x"}, {}), (None, {}), ("x", {"split": "x"}), (7, {"split": "7"})]
)
def test_only_a_split_that_names_types_is_taken_out(split: object, expected: dict[str, str]):
    """Any other value of split is a trait; an identity without attributes is written, for it names a key."""
    assert values(group(None, traits={"split": split}), ACCOUNTS) == expected


def test_traits_become_attributes_as_in_identify_calls():
    """The limits and settings of attributes apply to groups too."""
    rules = replace(ACCOUNTS, attributes=Attributes(nested="flatten", max_length=4))
    traits = {"total billed": 830, "address": {"city": "Salzburg"}, "none": None}

    assert values(group(None, traits=traits), rules) == {"total_billed": "830", "address_city": "Salz"}


def test_a_group_needs_no_user():
    """A group call without traits is written; Segment's node library sends such calls."""
    assert keys(mapped(group({"account": "acc"}, userId=None, anonymousId=None))) == [("account", "acc")]


@pytest.mark.parametrize("traits", [None, {}, {"plan": None}, {"ü": 1}, {"split": {"account": "acc"}}])
def test_nothing_does_not_replace_something(traits: object):
    """Where identities are replaced, a group call without attributes writes nothing, as an identify call."""
    replacing = replace(ACCOUNTS, identify=Identify(mode="replace"))

    assert values(group(None, traits=traits), replacing) == "traits_empty"
    assert values(group(None, traits=traits), ACCOUNTS) == {}
    assert values(group(None, groupId=None, traits=None), replacing) == "no_mapped_identity"
    assert values(group(None, traits={"plan": "pro"}), replacing) == {"plan": "pro"}


@pytest.mark.parametrize("split", [["60", "40"], {"visa": 60}, []])
def test_a_split_that_names_no_traffic_type_is_a_trait(split: object):
    """It is not lost, and the group is that of groupId."""
    assert set(values(group(split), ACCOUNTS)) == {"plan", "split"}


def test_group_calls_can_be_switched_off():
    """Group calls that are off are counted; identify calls are still written."""
    rules = replace(KNOWN, group_enabled=False)

    assert values(group({"account": "acc"}), rules) == "group_disabled"
    assert values(call("identify", traits={"plan": "pro"}), rules) == {"plan": "pro"}
