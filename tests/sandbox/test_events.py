"""Events and impressions: which are accepted, which are refused, and by which rule."""

import pytest

from tests.support.sandbox import Sandbox, bearer, event

IMPRESSION = {"k": "u1", "t": "on", "m": 1_700_000_000_000, "c": 7, "r": "default rule", "b": None, "pt": None}


def test_a_bulk_of_events_is_kept_as_it_came(sandbox: Sandbox):
    """Two legal events are answered 202 without a body, and both can be looked at."""
    events = [event(value=12.5, properties={"a": "b", "n": 1, "f": 0.5, "t": True, "z": None}), event(key="u2")]

    response = sandbox.events(events)

    assert response.status == 202
    assert response.data == b""
    assert sandbox.received("events") == events


def test_a_single_event_is_kept(sandbox: Sandbox):
    """The single call takes one object."""
    one = event(environmentName="Production")

    response = sandbox.call("POST", "/api/events", one, bearer("sandbox-sdk-key"))

    assert response.status == 202
    assert sandbox.received("events") == [one]


@pytest.mark.parametrize(
    "changes",
    [
        {"eventTypeId": "a" * 80},
        {"eventTypeId": "9-_.:"},
        {"key": "k" * 250},
        {"timestamp": 1},
        {"value": 0},
        {"value": -1.5},
        {"properties": {}},
        {"properties": {f"p{n}": n for n in range(300)}},
        {"properties": {"p": "x" * 256}},
        {"properties": {f"{n:0124}": "x" * 124 for n in range(128)}},
    ],
)
def test_an_event_at_its_limits_is_taken(sandbox: Sandbox, changes: dict):
    """A value just inside a limit is legal."""
    assert sandbox.events([event(**changes)]).status == 202


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"eventTypeId": "a" * 81}, "eventTypeId"),
        ({"eventTypeId": "order completed"}, "eventTypeId"),
        ({"eventTypeId": "_order"}, "eventTypeId"),
        ({"eventTypeId": "order\n"}, "eventTypeId"),
        ({"eventTypeId": None}, "eventTypeId"),
        ({"trafficTypeName": "nobody"}, "trafficTypeName"),
        ({"trafficTypeName": "USER"}, "trafficTypeName"),
        ({"trafficTypeName": ["user"]}, "trafficTypeName"),
        ({"key": "k" * 251}, "key"),
        ({"key": " "}, "key"),
        ({"key": 42}, "key"),
        ({"timestamp": "1645557823"}, "timestamp"),
        ({"timestamp": 1645557823.5}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"timestamp": 0}, "timestamp"),
        ({"timestamp": 1_700_000_000_000_000}, "timestamp"),
        ({"timestamp": None}, "timestamp"),
        ({"value": "12"}, "value"),
        ({"value": True}, "value"),
        ({"properties": []}, "properties"),
        ({"properties": {"p": {}}}, "properties"),
        ({"properties": {"p": [1]}}, "properties"),
        ({"properties": {"p": "x" * 257}}, "properties"),
        ({"properties": {f"p{n}": n for n in range(301)}}, "properties"),
        ({"properties": {f"{n:0124}": "x" * 124 for n in range(129)}}, "properties"),
        ({"environmentName": 1}, "environmentName"),
        ({"messageId": "m"}, "unknown field messageId"),
    ],
)
def test_an_event_against_a_rule_is_refused_with_the_whole_call(sandbox: Sandbox, changes: dict, rule: str):
    """The answer names the index and the rule, and the legal event beside it is not kept either."""
    response = sandbox.events([event(), event(**changes)])

    answer = response.json()
    assert response.status == 400
    assert answer["index"] == 1
    assert answer["rule"].startswith(rule)
    assert sandbox.received("events") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[",
        b'"x"',
        b"[1]",
        b'[{"value":NaN}]',
        b'[{"value":Infinity}]',
        b'[{"value":1e999}]',
        b"\x1f\x8b",
    ],
)
def test_what_is_not_a_json_array_of_objects_is_refused(sandbox: Sandbox, body: bytes):
    """Nothing but JSON, and nothing but an array; NaN and Infinity are not JSON."""
    assert sandbox.events(body).status == 400


def test_more_than_5000_events_are_refused(sandbox: Sandbox):
    """5000 is the size of the largest bulk that Split's own clients send."""
    short = {"key": "u", "trafficTypeName": "user", "eventTypeId": "o", "timestamp": 1}

    assert sandbox.events([short] * 5000).status == 202
    assert sandbox.events([short] * 5001).status == 400
    assert sandbox.counts()["events"] == 5000


def test_a_body_over_a_million_bytes_is_413(sandbox: Sandbox):
    """A million bytes are taken, one more is not; the same holds for impressions."""
    body = b"[]" + b" " * 999_998

    assert sandbox.events(body).status == 202
    assert sandbox.events(body + b" ").status == 413
    assert sandbox.impressions(body + b" ").status == 413


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), bearer("sandbox-admin-key"), {"x-api-key": "sandbox-sdk-key"}]
)
def test_without_the_sdk_key_nothing_is_taken(sandbox: Sandbox, headers: dict):
    """A missing or wrong key is 401, as JSON."""
    response = sandbox.call("POST", "/api/events/bulk", [event()], headers)

    assert response.status == 401
    assert response.json()["code"] == 401
    assert sandbox.received("events") == []


def test_impressions_are_kept_one_by_one_with_their_flag(sandbox: Sandbox):
    """The SDKs group impressions by flag; here each stands alone."""
    other = {**IMPRESSION, "k": "u2", "properties": '{"plan": "gold"}'}

    response = sandbox.impressions([{"f": "a", "i": [IMPRESSION, other]}, {"f": "b", "i": [IMPRESSION]}])

    assert response.status == 200
    assert sandbox.received("impressions") == [
        {"f": "a", **IMPRESSION},
        {"f": "a", **other},
        {"f": "b", **IMPRESSION},
    ]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"k": ""}, "k "),
        ({"t": " "}, "t "),
        ({"m": "1700000000000"}, "m "),
        ({"c": 1.5}, "c "),
        ({"r": 1}, "r "),
        ({"b": 1}, "b "),
        ({"pt": "x"}, "pt "),
        ({"properties": {"plan": "gold"}}, "properties "),
        ({"properties": "gold"}, "properties "),
        ({"et": 1}, "et "),
        ({"keyName": "u1"}, "unknown field keyName"),
    ],
)
def test_an_impression_against_a_rule_is_refused_with_the_whole_call(sandbox: Sandbox, changes: dict, rule: str):
    """The answer names flag, impression and rule, and nothing is kept."""
    response = sandbox.impressions([{"f": "a", "i": [IMPRESSION, {**IMPRESSION, **changes}]}])

    answer = response.json()
    assert response.status == 400
    assert answer["index"] == 0
    assert answer["item"] == 1
    assert answer["rule"].startswith(rule)
    assert sandbox.received("impressions") == []


@pytest.mark.parametrize("flags", [{}, [1], [{"f": "a"}], [{"f": 1, "i": []}], [{"f": "a", "i": [1]}]])
def test_impressions_in_another_form_are_refused(sandbox: Sandbox, flags: object):
    """The webhook's long names, or no grouping at all, are not what this call takes."""
    assert sandbox.impressions(flags).status == 400


def test_unknown_fields_are_named_together(sandbox: Sandbox):
    """In the order of the alphabet, before any other rule that the event breaks."""
    answer = sandbox.events([event(zone=1, messageId="m", key=None)])

    assert answer.json()["rule"] == "unknown field messageId, zone"
