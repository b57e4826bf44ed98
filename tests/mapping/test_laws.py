"""Laws for any message and any rules."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from split_dest.errors import REASONS, MessageRejected
from split_dest.mapping import events, lanes_of, to_split
from split_dest.mapping.rules import Properties, Rules
from split_dest.segment import message
from split_dest.segment.message import Message
from tests.mapping import strategies
from tests.support.legal import assert_event, assert_identity
from tests.support.strategies import json_values, messages

TIMES = st.integers(1, 2 * 10**12)


def loaded(sent: dict[str, Any]) -> Message:
    """Return a message that the endpoints accept; discard the others."""
    try:
        return message.load(sent)
    except MessageRejected:
        reject()


@given(messages, strategies.rules, TIMES)
@example({"type": "track", "event": "E", "userId": "u", "properties": {"n": "x" * 257, "o" * 300: 1}}, Rules(), 1)
@example({"type": "identify", "userId": 1.0, "traits": {"1" * 300: ["x" * 300]}}, Rules(), 1)
@example({"type": "page", "name": "!" * 90, "userId": "u", "properties": {"split": {"A": 1e22}}}, Rules(), 1)
def test_a_message_becomes_legal_records_or_has_a_reason(sent: dict[str, Any], rules: Rules, received_ms: int):
    """Any message becomes records that Split accepts, or nothing with a listed reason; never both."""
    result = to_split(loaded(sent), rules, received_ms)

    events = orjson.loads(orjson.dumps([event.to_json() for event in result.events]))
    identities = orjson.loads(orjson.dumps([identity.to_json() for identity in result.identities]))
    for event in events:
        assert_event(event)
    for identity in identities:
        assert_identity(identity)
    assert [bool(events), bool(identities), result.dropped is not None].count(True) == 1
    assert result.dropped in (None, *REASONS)
    assert set(result.notes) <= set(REASONS)
    assert all(each.timestamp_ms <= received_ms for each in (*result.events, *result.identities))
    assert rules.identify.mode == "merge" or all(each["values"] for each in identities)


@given(messages, strategies.rules, TIMES, st.randoms())
def test_the_order_of_names_does_not_matter(sent: dict[str, Any], rules: Rules, received_ms: int, chance: Any):
    """Whatever the order of traits and properties, the same ones count, unless there are too many."""
    result = to_split(loaded(sent), rules, received_ms)
    assume("properties_left_out" not in result.notes)
    for name in ("traits", "properties"):
        pairs = list(sent[name].items()) if isinstance(sent.get(name), dict) else []
        chance.shuffle(pairs)
        sent = sent | ({name: dict(pairs)} if pairs else {})

    again = to_split(loaded(sent), rules, received_ms)

    assert sorted(map(repr, again.notes)) == sorted(map(repr, result.notes))
    assert again.identities == result.identities
    assert [event.properties for event in again.events] == [event.properties for event in result.events]


@given(messages, strategies.rules, TIMES)
def test_mapping_is_the_same_each_time(sent: dict[str, Any], rules: Rules, received_ms: int):
    """A message that is mapped again, also by another worker from the store, gives equal records."""
    taken = loaded(sent)
    before = message.dump(taken)

    first = to_split(taken, rules, received_ms)

    assert to_split(taken, rules, received_ms) == first
    assert to_split(message.restore(before), rules, received_ms) == first
    assert message.dump(taken) == before


@given(messages, strategies.rules, TIMES)
def test_records_of_one_message_differ_in_type_or_key(sent: dict[str, Any], rules: Rules, received_ms: int):
    """No key of a traffic type gets a message twice, and its records share all other values."""
    result = to_split(loaded(sent), rules, received_ms)

    pairs = [(event.traffic_type_name, event.key) for event in result.events]
    pairs += [(identity.traffic_type, identity.key) for identity in result.identities]
    assert len(set(pairs)) == len(pairs)
    assert len({repr(replace(event, traffic_type_name="", key="")) for event in result.events}) <= 1
    assert len({repr(replace(identity, traffic_type="", key="")) for identity in result.identities}) <= 1


@given(messages, strategies.rules, TIMES)
def test_a_message_waits_where_its_records_leave(sent: dict[str, Any], rules: Rules, received_ms: int):
    """A message becomes records only in the lanes that it waits in."""
    taken = loaded(sent)

    result = to_split(taken, rules, received_ms)

    assert not (result.events and "events" not in lanes_of(taken, rules))
    assert not (result.identities and "identities" not in lanes_of(taken, rules))


@given(st.dictionaries(st.text(max_size=3), json_values), strategies.rules)
def test_an_object_that_is_no_message_becomes_nothing(junk: dict[str, Any], rules: Rules):
    """Any object without a type has no effect."""
    assume("type" not in junk)

    assert to_split(loaded(junk), rules, 1).dropped in ("unsupported_type", "filtered_by_integrations_object")


_sizes = st.sampled_from([*range(6), 251, 254, 255, 256, 257])
_names = st.one_of(st.sampled_from(["a", "b", "a.b"]), _sizes.map("n".__mul__))
_leaves = st.one_of(json_values, _sizes.map("x".__mul__), _sizes.map(lambda chars: ["y" * chars]))
_nested = st.recursive(_leaves, lambda inner: st.dictionaries(_names, inner, max_size=4), max_leaves=20)
_full = st.integers(61, 64).map(lambda number: {f"{n:0254}": "x" * 256 for n in range(number)})
_limits = st.builds(Properties, max_length=st.sampled_from([5, 255, 256]), max_count=st.sampled_from([2, 61, 300]))


@given(st.dictionaries(_names, _nested, max_size=6), _full, _limits)
def test_few_and_short_properties_are_what_the_limits_leave(
    own: dict[str, Any], full: dict[str, Any], limits: Properties
):
    """The quick path gives the same properties in the same order, and the same notes."""
    pairs = list(full.items())
    for properties in (own, full, {"d": full, **own}, {"d": dict(pairs[:30]), **dict(pairs[30:])}):
        quick_notes: set[str] = set()
        notes: set[str] = set()
        quick = events._properties(properties, limits, quick_notes)

        assert list(quick.items()) == list(events._limited(properties, limits, notes).items())
        assert quick_notes == notes
