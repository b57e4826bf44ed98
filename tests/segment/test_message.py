"""The messages that endpoints accept, and how they are stored."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from split_dest.errors import MessageRejected
from split_dest.segment import payload
from split_dest.segment.message import Message, MessageSchema, dump, load, restore
from tests.support.samples import SAMPLES
from tests.support.strategies import json_values, messages

ID_FIELDS = ["messageId", "userId", "anonymousId", "groupId", "previousId"]
OBJECT_FIELDS = ["properties", "traits", "context", "integrations"]


@pytest.mark.parametrize("field", ID_FIELDS)
@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("u1", "u1"),
        (12345, "12345"),
        (-7, "-7"),
        (42.0, "42"),
        (2**64 - 1, "18446744073709551615"),
        (-(2**63), "-9223372036854775808"),
        (9_007_199_254_740_991, "9007199254740991"),
        (999_999_999_999_999.0, "999999999999999"),
        (-0.0, "0"),
        (" u 1 ", " u 1 "),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(field: str, sent: object, taken: str):
    """A number becomes its digits; a string stays as it is."""
    assert load({field: sent}).fields[field] == taken


@pytest.mark.parametrize("field", ["userId", "anonymousId", "groupId"])
@pytest.mark.parametrize("sent", [True, 1.5, 1e300, 2.0**53, 2**64, -(2**63) - 1, [], ["u1"], {}, {"id": "u1"}])
def test_any_other_id_is_refused(field: str, sent: object):
    """Nothing is guessed: a message with an ambiguous id is rejected, and the field is named."""
    with pytest.raises(MessageRejected) as caught:
        load({"type": "track", field: sent})

    assert caught.value.code == "id_not_string"
    assert caught.value.detail == f"at {field}"


@pytest.mark.parametrize("sent", [True, 1.5, [], {"id": "u1"}])
def test_an_id_that_no_record_needs_may_be_anything(sent: object):
    """No messageId or previousId is rejected; without a readable messageId the id is a hash of the content."""
    loaded = load({"type": "track", "messageId": sent, "previousId": sent})

    assert loaded.message_id.startswith("content-")
    assert "previousId" not in loaded.fields


@pytest.mark.parametrize("name", ["properties", "traits"])
def test_more_than_a_hundred_pairs_are_refused(name: str):
    """Each pair is one more event with all properties, so their number is bounded."""
    pairs = [{"account": str(n)} for n in range(100)]

    assert load({name: {"split": pairs}}).fields[name]["split"] == pairs
    with pytest.raises(MessageRejected) as caught:
        load({name: {"split": [*pairs, {"account": "one more"}]}})

    assert caught.value.code == "split_too_large"
    assert caught.value.detail == f"at {name}.split"


@pytest.mark.parametrize("field", ID_FIELDS[1:])
def test_an_id_may_be_null(field: str):
    """Libraries send null for the id they do not know; it counts as absent."""
    assert field not in load({field: None}).fields


@pytest.mark.parametrize(
    ("field", "code"), [("properties", "properties_not_object"), ("traits", "traits_not_object")]
)
@pytest.mark.parametrize("sent", ['{"a":1}', "", 0, 1, True, False, [1], [{}]])
def test_properties_and_traits_must_be_objects(field: str, code: str, sent: object):
    """Any other value is rejected with Segment's own code."""
    with pytest.raises(MessageRejected) as caught:
        load({field: sent})

    assert caught.value.code == code
    assert caught.value.detail == f"at {field}"


@pytest.mark.parametrize("field", OBJECT_FIELDS)
@pytest.mark.parametrize("sent", [None, [], {}])
def test_null_an_empty_array_and_an_empty_object_are_the_same(field: str, sent: object):
    """Null and [] count as empty objects: delete messages have them, and PHP writes {} as []."""
    assert load({field: sent}).fields[field] == {}


@pytest.mark.parametrize("field", OBJECT_FIELDS)
def test_objects_are_there_though_absent(field: str):
    """Every loaded message has all four objects."""
    assert load({}).fields[field] == {}


@pytest.mark.parametrize("field", ["context", "integrations"])
@pytest.mark.parametrize("sent", ["x", 1, False, [1]])
def test_nothing_depends_on_an_odd_context(field: str, sent: object):
    """A context or integrations of the wrong type counts as none."""
    assert load({field: sent}).fields[field] == {}


@pytest.mark.parametrize("sent", [None, "", 1, ["track"], {}])
def test_a_type_that_is_no_text_is_none(sent: object):
    """A message of an unknown type is stored, so that the mapping counts it."""
    loaded = load({"type": sent, "userId": "u1"})

    assert loaded.type == ""
    assert "type" not in loaded.fields


def test_null_and_absent_are_the_same():
    """Null fields are removed; nested nulls stay."""
    sent = {"userId": None, "category": None, "event": "A", "properties": {"login_id": None}}

    fields = load(sent).fields

    assert fields["properties"] == {"login_id": None}
    assert not {"userId", "category"} & set(fields)


def test_every_other_key_passes_as_it_is():
    """Keys that Segment does not define stay, with dots and dollars, for paths in the settings may name them."""
    others = {"a": "x", "a.b": 1, "userId.x": [1], "$k": {"z": None}, "_metadata": {}, "": 0}

    fields = load({"userId": "u1", **others}).fields

    assert {name: fields[name] for name in others} == others


def test_a_message_without_an_id_gets_one_of_its_content():
    """A retry has the same id, whatever the order of its keys; other content has another id."""
    first = load({"type": "track", "userId": "u1", "properties": {"a": 1, "b": 2}})
    again = load({"userId": "u1", "properties": {"b": 2, "a": 1}, "type": "track", "messageId": None})
    other = load({"type": "track", "userId": "u1", "properties": {"a": 1, "b": 3}})

    assert first.message_id == again.message_id == first.fields["messageId"]
    assert first.message_id.startswith("content-")
    assert other.message_id != first.message_id


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample["body"]])
def test_recorded_messages_are_taken(name: str):
    """All recorded messages are accepted, save those with properties that are no object."""
    refused = []
    for item in payload.messages(json.dumps(SAMPLES[name]["body"]).encode()):
        try:
            load(item)
        except MessageRejected as rejection:
            refused.append(rejection.code)

    assert refused == (["properties_not_object"] if name == "edge-properties-string" else [])


def _taken(sent: dict[str, Any]) -> Message | str:
    try:
        return load(sent)
    except MessageRejected as rejection:
        return rejection.code


@given(st.one_of(messages, st.dictionaries(st.text(max_size=5), json_values)))
def test_a_stored_message_comes_back(sent: dict[str, Any]):
    """An accepted message is restored as it was, and loading it again changes nothing."""
    taken = _taken(sent)

    if isinstance(taken, str):
        assert taken in ("id_not_string", "properties_not_object", "traits_not_object", "split_too_large")
    else:
        assert restore(dump(taken)) == taken
        assert load(json.loads(dump(taken))) == taken


def _made_by_the_schema(sent: dict[str, Any]) -> dict[str, Any] | str:
    try:
        cleaned = MessageSchema().load(sent)
    except ValidationError as error:
        return next(iter(error.messages_dict.values()))[0]
    return {name: value for name, value in cleaned.items() if value is not None}


_ODD_VALUES = st.one_of(json_values, st.sampled_from([None, "", "u1", 0, True, 1.0, 2.5, {}, []]))


@given(
    st.one_of(messages, st.dictionaries(st.sampled_from(["type", *ID_FIELDS, *OBJECT_FIELDS, "x"]), _ODD_VALUES))
)
@example({"type": "", "messageId": "", "userId": "", "properties": {}})
def test_the_schema_alone_says_what_is_taken(sent: dict[str, Any]):
    """Every message is cleaned exactly as the schema would."""
    taken, result = _taken(sent), _made_by_the_schema(sent)

    if taken == "split_too_large":
        assert isinstance(result, dict)
    elif isinstance(taken, str):
        assert taken == result
    else:
        assert repr(sorted((taken.fields | {"messageId": ""}).items())) == repr(
            sorted((result | {"messageId": ""}).items())
        )
        assert taken.message_id == result.get("messageId") or taken.message_id.startswith("content-")


@given(messages)
def test_taking_a_message_leaves_the_sent_one(sent: dict[str, Any]):
    """The sender's object is never changed, for it may be kept as a dead letter as it was sent."""
    before = json.dumps(sent)

    taken = _taken(sent)

    assert json.dumps(sent) == before
    assert taken == _taken(json.loads(before))
