"""Properties of events: flat, short and few enough for Split."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Properties
from tests.mapping.calls import KNOWN, mapped, track


def sent_with(properties: object, **settings: Any) -> dict[str, Any]:
    """Gives the properties that an event has in Split."""
    (event,) = mapped(track(properties=properties), replace(KNOWN, properties=Properties(**settings))).events
    return dict(event.properties)


@pytest.mark.parametrize("value", ["guest", "", 25.08, 4, -1, 2**64 - 1, True, False, None])
@pytest.mark.parametrize("nested", ["flatten", "json", "drop"])
def test_plain_values_stay_as_they_are(value: object, nested: str):
    """Texts, numbers, truth values and null are Split's own types."""
    sent = sent_with({"a": value}, nested=nested)["a"]

    assert (sent, type(sent)) == (value, type(value))


NESTED = {"a": {"b": {"c": 1}, "none": {}}, "list": ["x", 1, {"y": None}], "d": 2, "empty": [], "e": {}}


@pytest.mark.parametrize(
    ("nested", "made"),
    [
        ("flatten", {"a.b.c": 1, "list": '["x",1,{"y":null}]', "d": 2, "empty": "[]"}),
        (
            "json",
            {"a": '{"b":{"c":1},"none":{}}', "list": '["x",1,{"y":null}]', "d": 2, "empty": "[]", "e": "{}"},
        ),
        ("drop", {"d": 2}),
    ],
)
def test_nested_values_are_flattened_written_as_json_or_dropped(nested: str, made: dict[str, Any]):
    """Split would make null of an object or array; arrays are written as JSON, whatever becomes of objects."""
    assert sent_with(NESTED, nested=nested) == made


@pytest.mark.parametrize("properties", [None, {}, []])
def test_an_event_may_have_no_properties(properties: object):
    """Absent, null and empty are all an empty object."""
    assert sent_with(properties) == {}


@pytest.mark.parametrize(("most", "length"), [(256, 256), (10, 10)])
def test_long_texts_and_names_are_cut(most: int, length: int):
    """A text of 256 characters is whole, a longer one is cut, and so is the JSON of an array."""
    sent = sent_with({"n" * 300: "x" * 300, "list": ["y" * 300], "exact": "z" * most}, max_length=most)

    assert sent == {
        "n" * length: "x" * length,
        "list": ('["' + "y" * 300)[:length],
        "exact": "z" * most,
    }


@pytest.mark.parametrize(("most", "kept"), [(300, 300), (2, 2), (0, 0)])
def test_too_many_properties_are_left_out(most: int, kept: int):
    """The first ones stay."""
    sent = sent_with({f"p{n}": n for n in range(301)}, max_count=most)

    assert list(sent) == [f"p{n}" for n in range(kept)]


def test_splits_own_limits_hold_when_the_settings_say_nothing():
    """They are 300 properties and 256 characters."""
    sent = sent_with({"long": "x" * 300, **{f"p{n}": n for n in range(300)}})

    assert len(sent) == 300
    assert sent["long"] == "x" * 256


def test_a_repeated_name_takes_no_second_place():
    """Two names that are the same once they are flat or cut are one property; the later value stays."""
    sent = sent_with({"a": {"b": 1}, "c": 2, "a.b": 3}, max_count=2)

    assert sent == {"a.b": 3, "c": 2}


def test_an_event_stays_below_what_splits_clients_accept():
    """Names and texts of 32,768 characters less 1,024 fit exactly; what would go beyond is left out."""
    fitting = {f"{n:0124}": "x" * 124 for n in range(128)}

    assert sent_with(fitting) == fitting
    assert sent_with({**fitting, "y": 1}) == fitting
    assert sent_with({"": 1, **fitting, "y": 1}) == {"": 1, **fitting}


def test_numbers_do_not_count_as_characters():
    """As in Split's clients, only names and texts are counted."""
    many = {f"{n:0100}": 2**63 for n in range(300)}

    assert sent_with(many) == many
