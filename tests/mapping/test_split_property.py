"""Further traffic types of one event, named in its ``split`` property."""

import json
from dataclasses import replace
from typing import Any

import pytest

from split_dest.errors import MessageRejected
from split_dest.mapping.rules import Rules, Track
from split_dest.segment import payload
from split_dest.split.impressions import load
from tests.support.calls import KNOWN, call, keys, mapped, names, track

USER = ("user", "u1")


def _split(value: object, **fields: Any) -> dict[str, Any]:
    return track(properties={"price": 5, "split": value}, **fields)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"auction": "a1"}], [("auction", "a1")]),
        ([{"auction": "a1"}, {"partner": "p1"}], [("auction", "a1"), ("partner", "p1")]),
        ([{"auction": "a1", "partner": "p1"}], [("auction", "a1"), ("partner", "p1")]),
        ({"auction": "a1", "partner": "p1"}, [("auction", "a1"), ("partner", "p1")]),
        ([{"auction": "a1"}, {"auction": "a2"}], [("auction", "a1"), ("auction", "a2")]),
        ([{"auction": "a1"}, {"Auction": "a1"}], [("auction", "a1")]),
        ([{" AUCTION ": 77}], [("auction", "77")]),
        ([{"user": "u1"}], []),
        ([{"user": "u2"}], [("user", "u2")]),
        ([{"spaceship": "x"}, {"auction": "a1"}], [("auction", "a1")]),
        ([{"auction": ""}, {"auction": None}, {"auction": ["a1"]}, {"auction": True}], []),
        ([{"auction": "k" * 251}, {"partner": "p1"}], [("partner", "p1")]),
        (["auction", 1, None, ["auction", "a1"], {"auction": "a1"}], [("auction", "a1")]),
        ([], []),
        ({}, []),
        (None, []),
    ],
)
def test_each_pair_of_type_and_id_makes_one_more_event(value: object, expected: list[tuple[str, str]]):
    """Arrays of objects and single objects are read; unknown types, illegal keys and repetitions are not."""
    assert keys(mapped(_split(value))) == [USER, *expected]


def test_a_known_user_and_visitor_with_one_pair_are_three_events():
    """The events of one call differ only in traffic type and key, and none has split."""
    rules = replace(KNOWN, track=Track(value=("properties.price",)))

    events = mapped(_split([{"auction": "a1"}], anonymousId="v1"), rules).events

    assert [(event.traffic_type_name, event.key) for event in events] == [
        USER,
        ("anonymous", "v1"),
        ("auction", "a1"),
    ]
    assert {(event.event_type_id, event.timestamp_ms, event.value) for event in events} == {
        ("signup", 1572534218971, 5)
    }
    assert [event.properties for event in events] == [{"price": 5}] * 3


@pytest.mark.parametrize("kind", ["track", "page", "screen"])
def test_pairs_alone_are_enough(kind: str):
    """An event without any mapped id belongs to the types it names; pages and screens may name them too."""
    sent = call(kind, userId=None, event="E", name="E", properties={"split": [{"auction": "a1"}]})

    assert keys(mapped(sent)) == [("auction", "a1")]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        *((value, {"split": value}) for value in ("auction", 7, True, None)),
        (["60", "40"], {"split": '["60","40"]'}),
        ([60, None, ["auction", "a1"]], {"split": '[60,null,["auction","a1"]]'}),
        ([], {"split": "[]"}),
        ({}, {"split": "{}"}),
        ({"visa": 60, "cash": 40}, {"split.visa": 60, "split.cash": 40}),
        ([{"visa": 60}], {"split": '[{"visa":60}]'}),
        ([{"visa": 60}, {"auction": "a1"}], {}),
        ({"auction": None}, {"split.auction": None}),
        ({"auction": ""}, {"split.auction": ""}),
        ([{"auction": " "}, {"auction": None}], {"split": '[{"auction":" "},{"auction":null}]'}),
        ([{"auction": " "}, {"auction": "a1"}], {}),
        ({"auction": "a" * 251}, {}),
    ],
)
def test_a_split_that_names_no_traffic_type_is_an_ordinary_property(value: object, kept: dict[str, Any]):
    """Only a split that names one that Split has is taken out of the properties."""
    events = mapped(_split(value)).events

    assert [event.properties for event in events] == [{"price": 5} | kept] * len(events)


@pytest.mark.parametrize("number", [12345678901234567890123, 2**64, 1e22, 9007199254740993.0, 1.1234567890123456])
def test_a_number_whose_digits_are_lost_is_nobodys_key(number: float):
    """At no place does a rounded number become a key; the other ids count, and it is noted."""
    rules = replace(
        KNOWN, map_identities={"userId": "user", "context.groupId": "account", "properties.a.b": "partner"}
    )
    for fields in (
        {"properties": {"split": [{"account": number}]}},
        {"properties": {"split": {"account": number}}},
        {"context": {"groupId": number}},
        {"properties": {"a": {"b": number}}},
    ):
        (sent,) = payload.messages(json.dumps(track(**fields)).encode())
        result = mapped(sent, rules)

        assert keys(result) == [USER]
        assert result.notes == ("key_skipped",)
    assert load({"key": number, "split": "f", "treatment": "on", "time": 1} | {"key": "u"})["key"] == "u"
    with pytest.raises(MessageRejected):
        load({"key": number, "split": "f", "treatment": "on", "time": 1})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([{"spaceship": "x"}], "traffic_type_unknown"),
        ([{"auction": ""}, {"spaceship": "x"}], "traffic_type_unknown"),
        ([{"": "x"}], "traffic_type_unknown"),
        ([{"auction": ""}], "no_mapped_identity"),
        ([{"auction": None}], "no_mapped_identity"),
        ([{}, 1], "no_mapped_identity"),
        ([], "no_mapped_identity"),
        ("spaceship", "no_mapped_identity"),
    ],
)
def test_without_any_event_the_reason_says_what_was_wrong(value: object, reason: str):
    """An unknown traffic type and an invalid id have different reason codes."""
    assert names(_split(value, userId=None)) == reason


@pytest.mark.parametrize(
    ("name", "expected"), [("Spaceship", [USER, ("spaceship", "x")]), (" ", [USER]), ("", [USER])]
)
def test_while_splits_types_are_unknown_every_name_counts(name: str, expected: list[tuple[str, str]]):
    """While the types are not known, every name counts but a blank one."""
    assert keys(mapped(_split([{name: "x"}]), Rules())) == expected
