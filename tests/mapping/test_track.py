"""Track calls: names, keys, values and times of the events."""

import time
from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.events import lets_through
from split_dest.mapping.rules import EventTypeIds, Rules, Track
from tests.support.calls import KNOWN, RECEIVED_MS, SENT_MS, keys, mapped, names, track

STRICT = replace(KNOWN, event_type_ids=EventTypeIds(invalid="drop"))


@pytest.mark.parametrize("event", [None, "", "   ", "!!!", ["signup"], {"a": "signup"}, True, 1.5, 10**30 * 1.0])
def test_an_event_without_a_usable_name_is_dropped(event: object):
    """A call without an event type id is counted by that reason."""
    assert names(track(event=event)) == "event_type_id"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("sample event", "sample_event"),
        (" Sample  Event ", "Sample__Event"),
        ("signup", "signup"),
        (404, "404"),
    ],
)
def test_a_name_is_trimmed_and_its_spaces_become_underscores(event: object, expected: str):
    """Each space becomes one underscore, the case stays, and a whole number is its digits."""
    assert names(track(event=event), STRICT) == [expected]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("event", ["signup"]),
        ("properties.eventName", ["checkout"]),
        ("properties.deep.er", ["inner"]),
        ("context.app", "event_type_id"),
        ("properties.eventName.x", "event_type_id"),
        ("signup", "event_type_id"),
        ("properties.absent", "event_type_id"),
    ],
)
def test_the_name_stands_where_the_settings_path_leads(path: str, expected: list[str] | str):
    """The setting is a path; a path that leads nowhere, such as an event's name, drops every event."""
    sent = track(properties={"eventName": "checkout", "deep": {"er": "inner"}}, context={"app": {"name": "x"}})

    assert names(sent, replace(KNOWN, track=Track(event_type_id=path))) == expected


@pytest.mark.parametrize(
    ("event", "sanitized", "strict"),
    [
        ("Order Completed!", ["Order_Completed_"], "event_type_id"),
        ("$$ Order: Completed!", ["Order:_Completed_"], "event_type_id"),
        ("e" * 81, ["e" * 80], "event_type_id"),
        ("a.b-c_d:e", ["a.b-c_d:e"], ["a.b-c_d:e"]),
    ],
)
def test_illegal_names_are_mended_or_dropped(event: str, sanitized: list[str], strict: list[str] | str):
    """Illegal names are sanitized by default; dropping such events is a setting."""
    assert names(track(event=event)) == sanitized
    assert names(track(event=event), STRICT) == strict


def test_a_name_of_which_little_is_left_is_dropped():
    """'구매 VIP' (buys) and '해지 VIP' (cancels) must not both count as VIP; with drop no name is repaired."""
    for event in (
        "구매 VIP",
        "해지 VIP",
        "购买VIP",
        "Покупка VIP",
        "구매 Premium",
        "Нет VIP",
        "खरीद VIP",
        "👎 VIP",
        "-1",
    ):
        assert names(track(event=event)) == names(track(event=event), STRICT) == "event_type_id"
        assert mapped(track(event=event)).notes == ("event_type_id_unrecognizable",)
        assert mapped(track(event=event), STRICT).notes == ()


@pytest.mark.parametrize(("max_chars", "chars"), [(80, 20), (20, 20), (18, 18), (17, 16), (16, 16)])
def test_a_name_of_which_little_is_left_can_have_a_hash(max_chars: int, chars: int):
    """With the hash of its name no event is counted as another's; it is the same each time."""
    rules = replace(KNOWN, event_type_ids=EventTypeIds(unrecognizable="hash", max_length=max_chars))
    events = ("구매 VIP", "해지 VIP", "VIP 구매", "Да VIP", "Нет VIP", "खरीद VIP", "बंद VIP", "👍 VIP", "👎 VIP")
    sent = [track(event=event) for event in events]
    made = [mapped(each, rules) for each in sent]

    assert len({each.events[0].event_type_id for each in made}) == len(sent)
    assert {len(each.events[0].event_type_id) for each in made} == {chars}
    assert {each.notes for each in made} == {("event_type_id_unrecognizable",)}
    assert [mapped(each, rules) for each in sent] == made
    assert names(track(event=" 구매 VIP "), rules) == names(sent[0], rules)
    assert names(track(event="Order!"), rules) == ["Order_"]


def test_a_hash_that_has_no_room_is_not_cut():
    """The event is dropped where a whole hash does not fit."""
    rules = replace(KNOWN, event_type_ids=EventTypeIds(unrecognizable="hash", max_length=15))

    assert names(track(event="구매 VIP"), rules) == "event_type_id"


def test_a_hashed_name_is_filtered_by_its_own():
    """The settings' lists name the event as it was sent."""
    ids = EventTypeIds(unrecognizable="hash")
    rules = replace(KNOWN, event_type_ids=ids, track=Track(excluded=("구매*",)))

    assert names(track(event="구매 VIP"), rules) == "event_filtered"
    assert mapped(track(event="구매 VIP"), rules).notes == ()


def test_the_most_characters_of_a_name_are_a_setting():
    """The setting cuts names at its limit, such as Split's strictest of 63."""
    rules = replace(KNOWN, event_type_ids=EventTypeIds(max_length=63))

    assert names(track(event="e" * 70), rules) == ["e" * 63]


@pytest.mark.parametrize(
    ("revenue", "value"),
    [
        (0, 0),
        (-3, -3),
        (12.5, 12.5),
        (True, None),
        (False, None),
        (None, None),
        ([3], None),
        ({"a": 3}, None),
        ("39.95", 39.95),
        (" -12 ", -12),
        ("+.5e1", 5),
        ("1.", 1),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740992", 2.0**53),
        ("1e300", 1e300),
        ("1e400", None),
        ("", None),
        (".", None),
        ("$39.95", None),
        ("1_000", None),
        ("0x10", None),
        ("NaN", None),
        ("Infinity", None),
        ("\u0663", None),
        ("12 apples", None),
    ],
)
def test_a_value_is_a_finite_number_or_null(revenue: object, value: float | None):
    """Strings that spell a number count as one; with any other value the event is sent without a value."""
    (event,) = mapped(track(properties={"revenue": revenue}), _valued("properties.revenue")).events

    assert event.value == value
    assert type(event.value) is type(value)


def _valued(*paths: str, **settings: Any) -> Rules:
    return replace(KNOWN, track=Track(value=paths, **settings))


@pytest.mark.parametrize(("sent", "value"), [("39.95", None), (39.95, 39.95)])
def test_numbers_as_texts_can_be_turned_off(sent: object, value: float | None):
    """With numeric strings off only numbers are values."""
    rules = _valued("properties.revenue", numeric_strings=False)

    assert [event.value for event in mapped(track(properties={"revenue": sent}), rules).events] == [value]


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"revenue": 1, "value": 2, "total": 3}, 1),
        ({"revenue": "free", "value": 2, "total": 3}, 2),
        ({"revenue": None, "total": 3}, 3),
        ({"price": 4}, None),
    ],
)
def test_the_first_path_that_leads_to_a_number_counts(properties: dict[str, Any], value: float | None):
    """The setting may list several paths, for senders differ in where they put the revenue."""
    rules = _valued("properties.revenue", "properties.value", "properties.total")

    assert [event.value for event in mapped(track(properties=properties), rules).events] == [value]


def test_a_long_text_that_is_almost_a_number_costs_nothing():
    """Thirty thousand digits and a letter are rejected at once."""
    started = time.process_time()

    (event,) = mapped(track(properties={"revenue": "1" * 30_000 + "x"}), _valued("properties.revenue")).events

    assert event.value is None
    assert time.process_time() - started < 1


def test_two_mapped_ids_make_two_events_that_differ_in_nothing_else():
    """Two mapped ids make two events: one for the user, one for the anonymous visitor."""
    user, anonymous = mapped(track(anonymousId="a1", properties={"n": 1}), _valued("properties.n")).events

    assert user.traffic_type_name == "user"
    assert user.key == "u1"
    assert anonymous == replace(user, traffic_type_name="anonymous", key="a1")


@pytest.mark.parametrize(
    ("identities", "fields", "expected"),
    [
        ({"userId": "user"}, {"anonymousId": "a1"}, [("user", "u1")]),
        ({"anonymousId": "anonymous"}, {"anonymousId": "a1"}, [("anonymous", "a1")]),
        ({"userId": "user", "anonymousId": "user"}, {"anonymousId": "a1"}, [("user", "u1"), ("user", "a1")]),
        ({"userId": "user", "anonymousId": "user"}, {"anonymousId": "u1"}, [("user", "u1")]),
        (
            {"userId": "user", "context.groupId": "account"},
            {"context": {"groupId": 7}},
            [("user", "u1"), ("account", "7")],
        ),
        ({"userId": "user", "anonymousId": "anonymous"}, {"userId": None, "anonymousId": 5}, [("anonymous", "5")]),
        ({"userId": "user"}, {"userId": "k" * 250}, [("user", "k" * 250)]),
        ({"properties.auction": "auction"}, {"properties": {"auction": "x"}}, [("auction", "x")]),
    ],
)
def test_each_path_that_leads_to_an_id_makes_an_event(
    identities: dict[str, str], fields: dict[str, Any], expected: list[tuple[str, str]]
):
    """Only mapped ids make events, and the same type with the same key makes one."""
    assert keys(mapped(track(**fields), replace(KNOWN, map_identities=identities))) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"userId": None},
        {"userId": ""},
        {"userId": " \t"},
        {"userId": "k" * 251},
        {"userId": None, "context": {"traits": {"id": "u1"}}},
        {"userId": None, "traits": {"id": "u1"}, "previousId": "u1", "groupId": "g1"},
    ],
)
def test_without_a_legal_key_nothing_is_sent(fields: dict[str, Any]):
    """An event without a mapped id is counted; no key is guessed from traits or other fields."""
    assert names(track(**fields)) == "no_mapped_identity"


@pytest.mark.parametrize(
    ("times", "ms"),
    [
        ({}, SENT_MS),
        ({"timestamp": None, "originalTimestamp": "2015-12-12T19:11:01.152Z"}, 1449947461152),
        ({"timestamp": "0001-01-01T00:00:00Z", "receivedAt": "2019-10-31T15:03:38Z"}, 1572534218000),
        ({"timestamp": "soon", "sentAt": "2019-10-31T15:03:38Z"}, RECEIVED_MS),
        ({"timestamp": None}, RECEIVED_MS),
    ],
)
def test_an_event_has_its_own_time(times: dict[str, Any], ms: int):
    """An event has the message's own time; without one it has the time of its receipt."""
    assert [event.timestamp_ms for event in mapped(track(**times)).events] == [ms]


def test_any_new_name_passes():
    """Any event name is sent, for Split creates an event type at its first event."""
    assert names(track(event="never.seen-before")) == ["never.seen-before"]


def test_an_environment_name_is_sent_only_when_configured():
    """An event has an environment's name only when it is configured, for old accounts."""
    rules = replace(KNOWN, environment_name="Prod-Default")

    assert [event.environment_name for event in mapped(track(), rules).events] == ["Prod-Default"]
    assert [event.environment_name for event in mapped(track()).events] == [None]


@pytest.mark.parametrize(
    ("patterns", "event", "fits"),
    [
        (("Order*",), "Order Completed", True),
        (("Order_*",), "Order Completed", True),
        (("*Completed",), "Order Completed", True),
        (("O*r*d",), "Order Completed", True),
        (("*",), "x", True),
        (("a", "b"), "b", True),
        (("a.b",), "axb", False),
        (("order*",), "Order Completed", False),
        (("Order",), "Order Completed", False),
        (("*der",), "Order Completed", False),
        (("a*a",), "a", False),
        (("line*end",), "line\nend", True),
    ],
)
def test_names_are_let_through_or_kept_out_by_patterns(patterns: tuple[str, ...], event: str, fits: bool):
    """A star matches any text; a pattern applies to the name as sent and as Split gets it."""
    only = names(track(event=event), replace(KNOWN, track=Track(included=patterns)))
    out = names(track(event=event), replace(KNOWN, track=Track(excluded=patterns)))

    assert (only != "event_filtered") == fits
    assert (out == "event_filtered") == fits


def test_our_own_impressions_are_kept_out_by_default():
    """Track calls that this service sent to Segment do not become events by default."""
    assert names(track(event="get_treatment")) == "event_filtered"
    assert names(track(event="get_treatment"), replace(KNOWN, track=Track(excluded=()))) == ["get_treatment"]


def test_keeping_out_is_stronger_than_letting_through():
    """A name on both lists is filtered out."""
    rules = replace(KNOWN, track=Track(included=("Order*",), excluded=("*Refunded",)))

    assert names(track(event="Order Paid"), rules) == ["Order_Paid"]
    assert names(track(event="Order Refunded"), rules) == "event_filtered"


def test_a_pattern_with_many_stars_costs_nothing():
    """Matching any name against any pattern takes a single pass."""
    rules = replace(KNOWN, track=Track(included=("*a*a*a*a*b",)))
    started = time.process_time()

    assert names(track(event="a" * 30_000), rules) == "event_filtered"

    assert time.process_time() - started < 1


def test_track_calls_can_be_switched_off():
    """Track calls that are off are counted."""
    assert names(track(), replace(KNOWN, track=Track(enabled=False))) == "track_disabled"


@pytest.mark.parametrize(
    ("rules", "through"),
    [
        (KNOWN, False),
        (replace(KNOWN, track=Track(excluded=("Noise",))), True),
        (replace(KNOWN, track=Track(excluded=("get_*",))), False),
        (replace(KNOWN, track=Track(included=("Order*",), excluded=())), False),
        (replace(KNOWN, track=Track(enabled=False, excluded=())), False),
    ],
)
def test_whether_a_name_comes_through_can_be_asked(rules: Rules, through: bool):
    """The rules tell whether track calls of a name become events."""
    assert lets_through("get_treatment", rules) is through
