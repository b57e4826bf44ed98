"""Identify calls: traits become attributes."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Attributes, Identify, Rules
from tests.mapping.calls import KNOWN, RECEIVED_MS, SENT_MS, call, keys, mapped, values


def identify(traits: object, **fields: Any) -> dict[str, Any]:
    """Gives an identify call of a known user."""
    return call("identify", traits=traits, **fields)


@pytest.mark.parametrize(
    ("identities", "paths", "made"),
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
def test_the_chosen_ids_get_the_traits(identities: dict[str, str], paths: tuple[str, ...], made: list[str]):
    """Traits of a person on an anonymous key may be unwanted, so the settings choose among the mapped ids."""
    rules = Rules(map_identities=identities, identify=Identify(paths=paths))

    result = mapped(identify({"plan": "pro"}, anonymousId="a1", context={"groupId": "g1"}), rules)

    assert [" ".join(pair) for pair in keys(result)] == made
    assert all(each.values == {"plan": "pro"} for each in result.identities)
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
    """Plain values are written out, plain lists are Split's sets, and the rest is compact JSON."""
    assert values(identify({"t": trait})) == {"t": attribute}


def test_the_length_of_attributes_is_a_setting():
    """Longer texts are cut where it says."""
    rules = replace(KNOWN, attributes=Attributes(max_length=3))

    assert values(identify({"t": "abcdef"}), rules) == {"t": "abc"}


def test_objects_can_be_flattened():
    """Split recommends it for traits such as company; empty objects vanish, lists are sets all the same."""
    rules = replace(KNOWN, attributes=Attributes(nested="flatten"))
    traits = {"company": {"id": "c1", "address": {"city": "Graz"}, "none": {}}, "roles": ["a", "b"]}

    made = values(identify(traits), rules)

    assert made == {"company_id": "c1", "company_address_city": "Graz", "roles": "a,b"}


def test_trait_names_are_mended():
    """What Split's attribute ids can't hold is replaced, and a name without anything usable is left out."""
    traits = {
        "first name": "P",
        "$email": "e",
        "2fa": "y",
        "total  billed": 830,
        "ü": "no",
        "-": "no",
        "n" * 201: "l",
    }

    made = values(identify(traits))

    assert made == {"first_name": "P", "email": "e", "trait_2fa": "y", "total_billed": "830", "n" * 200: "l"}


@pytest.mark.parametrize("traits", [None, {}, [], {"plan": None}, {"": "x", "ñ": "x"}])
def test_without_any_attribute_nothing_is_written(traits: object):
    """Null is no attribute: what null would do in Split is not known."""
    assert values(identify(traits)) == "traits_empty"


def test_only_the_traits_of_the_call_itself_count():
    """The traits in context belong to track calls."""
    assert values(identify({}, context={"traits": {"plan": "pro"}})) == "traits_empty"


def test_a_trait_named_split_is_an_ordinary_one():
    """Only group calls name traffic types there."""
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
    """It decides which of several wins."""
    assert [each.timestamp_ms for each in mapped(identify({"a": "b"}, timestamp=timestamp)).identities] == [ms]


def test_identify_calls_can_be_switched_off():
    """Then they are counted and left; groups go on."""
    rules = replace(KNOWN, identify=Identify(enabled=False))

    assert values(identify({"plan": "pro"}), rules) == "identify_disabled"
    assert values(call("group", traits={"split": {"account": "a1"}, "plan": "pro"}), rules) == {"plan": "pro"}
