"""Properties of events, made flat, short and few enough for Split."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Properties
from tests.support.calls import KNOWN, mapped, track


def sent_with(properties: object, **settings: Any) -> dict[str, Any]:
    """Return the properties of an event in Split."""
    (event,) = mapped(track(properties=properties), replace(KNOWN, properties=Properties(**settings))).events
    return dict(event.properties)


@pytest.mark.parametrize("value", ["guest", "", 25.08, 4, -1, 2**64 - 1, True, False, None])
@pytest.mark.parametrize("nested", ["flatten", "json", "drop"])
def test_plain_values_stay_as_they_are(value: object, nested: str):
    """Strings, numbers, booleans and null are sent as they are."""
    sent = sent_with({"a": value}, nested=nested)["a"]

    assert sent == value
    assert type(sent) is type(value)


NESTED = {"a": {"b": {"c": 1}, "none": {}}, "list": ["x", 1, {"y": None}], "d": 2, "empty": [], "e": {}}


@pytest.mark.parametrize(
    ("nested", "expected"),
    [
        (
            "flatten",
            {"a.b.c": 1, "a.none": "{}", "list": '["x",1,{"y":null}]', "d": 2, "empty": "[]", "e": "{}"},
        ),
        (
            "json",
            {"a": '{"b":{"c":1},"none":{}}', "list": '["x",1,{"y":null}]', "d": 2, "empty": "[]", "e": "{}"},
        ),
        ("drop", {"d": 2}),
    ],
)
def test_nested_values_are_flattened_written_as_json_or_dropped(nested: str, expected: dict[str, Any]):
    """Objects are flattened, written as JSON or dropped, arrays written as JSON: Split would store null."""
    assert sent_with(NESTED, nested=nested) == expected


@pytest.mark.parametrize("properties", [None, {}, []])
def test_an_event_may_have_no_properties(properties: object):
    """Absent, null and empty properties are an empty object."""
    assert sent_with(properties) == {}


@pytest.mark.parametrize(("limit", "length"), [(256, 256), (10, 10)])
def test_long_texts_and_names_are_cut(limit: int, length: int):
    """A string of 256 characters is sent whole, a longer one is cut, and so is the JSON of an array."""
    sent = sent_with({"n" * 300: "x" * 300, "list": ["y" * 300], "exact": "z" * limit}, max_length=limit)

    assert sent == {
        "n" * length: "x" * length,
        "list": ('["' + "y" * 300)[:length],
        "exact": "z" * limit,
    }


@pytest.mark.parametrize(("limit", "count"), [(300, 300), (2, 2), (0, 0)])
def test_too_many_properties_are_left_out(limit: int, count: int):
    """Of too many properties the first are sent."""
    sent = sent_with({f"p{n}": n for n in range(301)}, max_count=limit)

    assert list(sent) == [f"p{n}" for n in range(count)]


def test_splits_own_limits_hold_when_the_settings_say_nothing():
    """The default limits are 300 properties and 256 characters."""
    sent = sent_with({"long": "x" * 300, **{f"p{n}": n for n in range(300)}})

    assert len(sent) == 300
    assert sent["long"] == "x" * 256


def test_a_repeated_name_takes_no_second_place():
    """Names that are equal once flattened or cut are one property."""
    sent = sent_with({"a": {"b": 1}, "c": 2, "a.b": 3}, max_count=2)

    assert sent == {"a.b": 3, "c": 2}


@pytest.mark.parametrize(
    ("pairs", "winner"),
    [
        ([("a.b", 1), ("a", {"b": 2})], {"a.b": 1}),
        ([("a.b.c", 1), ("a", {"b": {"c": 2}}), ("a.b", {"c": 3})], {"a.b.c": 1}),
        ([("a", {"b.c": 1}), ("a.b", {"c": 2})], {"a.b.c": 1}),
        ([("n" * 256, 1), ("n" * 257, 2), ("n" * 300, 3)], {"n" * 256: 1}),
        ([("n" * 256 + "a", 1), ("n" * 256 + "b", 2)], {"n" * 256: 1}),
        ([("x" * 250, {"y" * 20: 2}), ("x" * 250 + "." + "y" * 5, 1)], {"x" * 250 + "." + "y" * 5: 1}),
    ],
)
def test_of_names_that_become_one_the_unchanged_counts(pairs: list[tuple[str, Any]], winner: dict[str, Any]):
    """The order of the properties does not matter."""
    for each in itertools.permutations(pairs):
        assert sent_with(dict(each)) == winner


def test_an_event_stays_below_what_splits_clients_accept():
    """Names and strings of 32,768 - 1,024 characters fit exactly; properties beyond are left out."""
    fitting = {f"{n:0124}": "x" * 124 for n in range(128)}

    assert sent_with(fitting) == fitting
    assert sent_with({**fitting, "y": 1}) == fitting
    assert sent_with({"": 1, **fitting, "y": 1}) == {"": 1, **fitting}


def test_numbers_do_not_count_as_characters():
    """As in Split's clients, only the characters of names and strings count."""
    many = {f"{n:0100}": 2**63 for n in range(300)}

    assert sent_with(many) == many
