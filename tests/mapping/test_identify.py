"""Identify calls: traits become attributes."""

import itertools
import time
from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Attributes, Identify, Rules
from tests.support.calls import KNOWN, RECEIVED_MS, SENT_MS, call, keys, mapped, values


def identify(traits: object, **fields: Any) -> dict[str, Any]:
    """Return an identify call of a known user."""
    return call("identify", traits=traits, **fields)


@pytest.mark.parametrize(
    ("identities", "paths", "expected"),
    [
        ({"userId": "user", "anonymousId": "anonymous"}, ("userId", "anonymousId"), ["user u1", "anonymous a1"]),
        ({"userId": "user", "anonymousId": "anonymous"}, ("userId",), ["user u1"]),
        ({"userId": "user", "anonymousId": "anonymous"}, ("anonymousId",), ["anonymous a1"]),
        ({"userId": "person"}, ("userId", "anonymousId"), ["person u1"]),
        ({"userId": "user", "anonymousId": "user"}, ("userId", "anonymousId"), ["user u1", "user a1"]),
        ({"userId": "user", "context.groupId": "account"}, ("context.groupId",), ["account g1"]),
        ({"userId": "user", "context.groupId": "account"}, ("userId",), ["user u1"]),
    ],
)
def test_the_chosen_ids_get_the_traits(identities: dict[str, str], paths: tuple[str, ...], expected: list[str]):
    """The settings choose the mapped ids that get traits: on an anonymous key they may be unwanted."""
    rules = Rules(map_identities=identities, identify=Identify(paths=paths))

    result = mapped(identify({"plan": "pro"}, anonymousId="a1", context={"groupId": "g1"}), rules)

    assert [" ".join(pair) for pair in keys(result)] == expected
    assert [each.values for each in result.identities] == [{"plan": "pro"}] * len(result.identities)
    assert result.events == ()


@pytest.mark.parametrize(
    ("trait", "attribute"),
    [
        ("pro", "pro"),
        ("", ""),
        (5, "5"),
        (-0.5, "-0.5"),
        (True, "true"),
        (False, "false"),
        ({"id": "c1", "name": "Ünï", "n": [1]}, '{"id":"c1","name":"Ünï","n":[1]}'),
        ({}, "{}"),
        (["admin", "dev"], "admin,dev"),
        (["a", 1, 2.5, True, None], "a,1,2.5,true"),
        ([], ""),
        (["a", {"b": 1}], '["a",{"b":1}]'),
        (["a", ["b"]], '["a",["b"]]'),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        (["x" * 200, "y" * 200], "x" * 200 + "," + "y" * 54),
        ({"a": "x" * 300}, '{"a":"' + "x" * 249),
    ],
)
def test_an_attribute_is_a_text_of_at_most_255_characters(trait: object, attribute: str):
    """Plain values become strings, plain lists are Split's sets, and other values are compact JSON."""
    assert values(identify({"t": trait})) == {"t": attribute}


def test_the_length_of_attributes_is_a_setting():
    """Longer values are cut at the configured length."""
    rules = replace(KNOWN, attributes=Attributes(max_length=3))

    assert values(identify({"t": "abcdef"}), rules) == {"t": "abc"}


@pytest.mark.parametrize("kind", ["identify", "track"])
@pytest.mark.parametrize("above", ["k", "$", "k$"])
def test_a_long_name_is_not_copied_for_each_value_below_it(kind: str, above: str):
    """The time grows with the message's size, not with its square."""
    deep = {above * 100_000: {above * 100_000: {str(number): number for number in range(20_000)}}}
    rules = replace(KNOWN, attributes=Attributes(nested="flatten"))
    started = time.process_time()

    assert mapped(call(kind, traits=deep, properties=deep, event="e"), rules).dropped is None
    assert time.process_time() - started < 2


def test_a_path_that_is_cut_is_noted():
    """Each of its names is short enough, but not all together."""
    rules = replace(KNOWN, attributes=Attributes(nested="flatten"))
    sent = identify({"a" * 150: {"b" * 150: 1}})

    assert values(sent, rules) == {"a" * 150 + "_" + "b" * 49: "1"}
    assert mapped(sent, rules).notes == ("value_cut",)


def test_objects_can_be_flattened():
    """Nested traits may be flattened; empty objects stay, nulls vanish, and lists are still sets."""
    rules = replace(KNOWN, attributes=Attributes(nested="flatten"))
    traits = {"company": {"id": "c1", "address": {"city": "Graz"}, "none": {}, "gone": None}, "roles": ["a", "b"]}

    result = values(identify(traits), rules)

    assert result == {"company_id": "c1", "company_address_city": "Graz", "company_none": "{}", "roles": "a,b"}


@pytest.mark.parametrize(
    ("pairs", "nested", "winner"),
    [
        ([("total_billed", 900), ("total billed", 830)], "json", {"total_billed": "900"}),
        ([("email", "new"), ("$email", "old"), (" email", "older")], "json", {"email": "new"}),
        ([("total billed", 1), ("total  billed", 2)], "json", {"total_billed": "2"}),
        ([("n" * 200, 1), ("n" * 201, 2)], "json", {"n" * 200: "1"}),
        ([("company_id", 1), ("company", {"id": 2}), ("company.id", 3)], "flatten", {"company_id": "1"}),
        ([("company.id", 3), ("company", {"id": 2})], "flatten", {"company_id": "2"}),
        ([("a b", 1), ("a_b", None)], "json", {"a_b": "1"}),
    ],
)
def test_of_names_that_become_one_the_unchanged_counts(
    pairs: list[tuple[str, Any]], nested: Any, winner: dict[str, str]
):
    """A trait whose name is legal counts; of others the first in order, whatever their order in the call."""
    rules = replace(KNOWN, attributes=Attributes(nested=nested))

    for each in itertools.permutations(pairs):
        assert values(identify(dict(each)), rules) == winner


def test_trait_names_are_mended():
    """Illegal characters of attribute ids are replaced, and a name without a legal one is left out."""
    traits = {
        "first name": "P",
        "$email": "e",
        "2fa": "y",
        "total  billed": 830,
        "ü": "no",
        "-": "no",
        "n" * 201: "l",
    }

    result = values(identify(traits))

    assert result == {"first_name": "P", "email": "e", "trait_2fa": "y", "total_billed": "830", "n" * 200: "l"}


@pytest.mark.parametrize("traits", [None, {}, [], {"plan": None}, {"": "x", "ñ": "x"}])
def test_without_any_attribute_nothing_is_written(traits: object):
    """Null is no attribute, for its effect in Split is not known."""
    assert values(identify(traits)) == "traits_empty"


def test_only_the_traits_of_the_call_itself_count():
    """The traits in context are not written, for they belong to track calls."""
    assert values(identify({}, context={"traits": {"plan": "pro"}})) == "traits_empty"


def test_a_trait_named_split_is_an_ordinary_one():
    """In identify calls split is a trait like any other."""
    assert values(identify({"split": {"account": "a1"}})) == {"split": '{"account":"a1"}'}


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"userId": None}, KNOWN),
        ({"userId": " "}, KNOWN),
        ({"userId": None, "traits": {"id": "u1"}}, KNOWN),
        ({}, replace(KNOWN, map_identities={"anonymousId": "anonymous"})),
        ({}, replace(KNOWN, identify=Identify(paths=()))),
    ],
)
def test_without_a_legal_key_nothing_is_written(fields: dict[str, Any], rules: Rules):
    """A key is never taken from the traits, and the reason is the key even when there are no traits."""
    assert values(identify(**{"traits": {"plan": "pro"}, **fields}), rules) == "no_mapped_identity"
    assert values(identify(**{**fields, "traits": {}}), rules) == "no_mapped_identity"


@pytest.mark.parametrize(("timestamp", "ms"), [("2019-10-31T15:03:38.971Z", SENT_MS), (None, RECEIVED_MS)])
def test_an_identity_has_the_time_of_its_message(timestamp: str | None, ms: int):
    """An identity has the time of its message, which decides which of several wins."""
    assert [each.timestamp_ms for each in mapped(identify({"a": "b"}, timestamp=timestamp)).identities] == [ms]


def test_identify_calls_can_be_switched_off():
    """Identify calls that are off are counted; group calls are still written."""
    rules = replace(KNOWN, identify=Identify(enabled=False))

    assert values(identify({"plan": "pro"}), rules) == "identify_disabled"
    assert values(call("group", traits={"split": {"account": "a1"}, "plan": "pro"}), rules) == {"plan": "pro"}
