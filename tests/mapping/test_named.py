"""Page and screen calls: only named ones make events."""

import re
from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import EventTypeIds, Named, Rules, Track
from tests.support.calls import KNOWN, call, keys, mapped, names

KINDS = pytest.mark.parametrize("kind", ["page", "screen"])


def _with(template: str, rules: Rules = KNOWN) -> Rules:
    return replace(rules, named_pages=Named(template), named_screens=Named(template))


@pytest.mark.parametrize(("kind", "expected"), [("page", "view_signup_page"), ("screen", "viewed_signup_screen")])
def test_a_name_is_put_into_its_template(kind: str, expected: str):
    """The default templates are those of Split's integration."""
    assert names(call(kind, name="signup")) == [expected]


@KINDS
@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [
        ("Viewed {name} Page", "Home", "Viewed_Home_Page"),
        ("{name}", "Home", "Home"),
        ("{name}.{name}", "a", "a.a"),
        ("x_{name}", "{name}", "x__name_"),
        ("view_{name}_page", " Merchant  Signup ", "view_Merchant__Signup_page"),
        ("view_{name}_page", "Über uns", "view__ber_uns_page"),
        ("$$_{name}", "Home", "Home"),
        ("view_{name}_page", "n" * 80, "view_" + "n" * 75),
    ],
)
def test_any_template_makes_legal_names(kind: str, template: str, name: str, expected: str):
    """Spaces become underscores, the case stays, and the limits apply to the name with its template."""
    assert names(call(kind, name=name), _with(template)) == [expected]


@KINDS
def test_an_illegal_whole_can_be_dropped(kind: str):
    """The strict limit counts the template's characters too."""
    rules = _with("v_{name}", replace(KNOWN, event_type_ids=EventTypeIds(invalid="drop")))

    assert names(call(kind, name="n" * 78), rules) == ["v_" + "n" * 78]
    assert names(call(kind, name="n" * 79), rules) == "event_type_id"
    assert names(call(kind, name="Über uns"), rules) == "event_type_id"


@KINDS
@pytest.mark.parametrize("name", ["구매", "구매 VIP", "!!!", "Шаг 1"])
def test_a_name_of_which_little_is_left_is_not_another_ones(kind: str, name: str):
    """The template's letters don't count; the event is dropped, or has a hash of the name."""
    hashing = replace(KNOWN, event_type_ids=EventTypeIds(unrecognizable="hash"))
    sent = call(kind, name=name)

    assert names(sent) == "event_type_id"
    assert mapped(sent).notes == ("event_type_id_unrecognizable",)
    (hashed,) = names(sent, hashing)
    assert re.fullmatch(rf"view(ed)?_(VIP_|1_)?[0-9a-f]{{16}}_{kind}", hashed)
    assert names(sent, _with("{name}{name}", hashing)) != names(call(kind, name=f"{name}."), hashing)


@KINDS
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": "  "},
        {"name": 7},
        {"name": ["Home"]},
        {"category": "Docs", "properties": {"category": "Docs", "title": "Home"}},
        {"properties": {"name": ""}},
        {"properties": {"name": {"a": "Home"}}},
    ],
)
def test_a_call_without_a_name_makes_nothing(kind: str, fields: dict[str, Any]):
    """Page calls without a name become no events; a category or title is not a name."""
    assert names(call(kind, **fields)) == f"{kind}_unnamed"


@KINDS
@pytest.mark.parametrize("name", [None, "", " ", 7, []])
def test_the_name_among_the_properties_counts_when_there_is_no_other(kind: str, name: object):
    """A name in properties counts, for the browser library writes it there."""
    sent = call(kind, name=name, properties={"name": "Home"})

    assert names(sent, _with("{name}")) == ["Home"]


@KINDS
def test_the_category_is_no_part_of_the_name(kind: str):
    """The call's name counts more than that of the properties; the category is no part of it."""
    sent = call(kind, name="Signup", category="Merchant", properties={"name": "Other"})

    assert names(sent, _with("{name}")) == ["Signup"]


@KINDS
def test_two_mapped_ids_make_two_events(kind: str):
    """A named page or screen makes an event for each mapped id."""
    assert keys(mapped(call(kind, name="Home", anonymousId="a1"))) == [("user", "u1"), ("anonymous", "a1")]


@KINDS
def test_a_page_has_the_value_that_the_settings_path_leads_to(kind: str):
    """A page's value is at the path for track calls, and its properties are sent."""
    rules = replace(KNOWN, track=Track(value=("properties.price",)))

    (event,) = mapped(call(kind, name="Home", properties={"price": "9.5", "path": "/"}), rules).events

    assert event.value == 9.5
    assert event.properties == {"price": "9.5", "path": "/"}


@KINDS
def test_each_kind_has_a_switch_of_its_own(kind: str):
    """Track, page and screen calls are switched off separately."""
    no_track = replace(KNOWN, track=Track(enabled=False))
    no_pages = replace(KNOWN, named_pages=Named("{name}", enabled=False))
    no_screens = replace(KNOWN, named_screens=Named("{name}", enabled=False))

    result = [names(call(kind, name="Home"), rules) for rules in (no_track, no_pages, no_screens)]

    assert [each == f"{kind}_disabled" for each in result] == [False, kind == "page", kind == "screen"]


@KINDS
def test_lists_of_event_names_are_for_track_calls_only(kind: str):
    """The filter on event names applies to track calls only."""
    rules = replace(_with("{name}"), track=Track(included=("A",), excluded=("Home",)))

    assert names(call(kind, name="Home"), rules) == ["Home"]
