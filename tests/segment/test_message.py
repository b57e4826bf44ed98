"""What the door takes as a message, and how it is stored."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from split_dest.errors import MessageRejected
from split_dest.segment import payload
from split_dest.segment.message import Message, MessageSchema, dump, load, restore
from tests.segment.samples import SAMPLES
from tests.segment.strategies import LAWS, json_values, messages

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
        (" u 1 ", " u 1 "),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(field: str, sent: object, taken: str):
    """A number becomes its digits; a text stays as it is."""
    assert load({field: sent}).fields[field] == taken


@pytest.mark.parametrize("field", ["userId", "anonymousId", "groupId"])
@pytest.mark.parametrize("sent", [True, False, 1.5, 1e300, 2.0**53, [], ["u1"], {}, {"id": "u1"}])
def test_any_other_id_is_refused(field: str, sent: object):
    """Nothing is guessed: a message whose id could be read in two ways is set aside, and its field is told."""
    with pytest.raises(MessageRejected) as caught:
        load({"type": "track", field: sent})

    assert (caught.value.code, caught.value.detail) == ("id_not_string", f"at {field}")


@pytest.mark.parametrize("sent", [True, 1.5, [], {"id": "u1"}])
def test_an_id_that_no_record_needs_may_be_anything(sent: object):
    """What stands as messageId or previousId refuses nothing; without a readable messageId the content counts."""
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

    assert (caught.value.code, caught.value.detail) == ("split_too_large", f"at {name}.split")


@pytest.mark.parametrize("field", ID_FIELDS[1:])
def test_an_id_may_be_null(field: str):
    """Libraries send null for the id they do not know; it counts as absent."""
    assert field not in load({field: None}).fields


@pytest.mark.parametrize(
    ("field", "code"), [("properties", "properties_not_object"), ("traits", "traits_not_object")]
)
@pytest.mark.parametrize("sent", ['{"a":1}', "", 0, 1, True, False, [1], [{}]])
def test_properties_and_traits_must_be_objects(field: str, code: str, sent: object):
    """Anything else is refused with Segment's own code."""
    with pytest.raises(MessageRejected) as caught:
        load({field: sent})

    assert (caught.value.code, caught.value.detail) == (code, f"at {field}")


@pytest.mark.parametrize("field", OBJECT_FIELDS)
@pytest.mark.parametrize("sent", [None, [], {}])
def test_null_an_empty_array_and_an_empty_object_are_the_same(field: str, sent: object):
    """Delete messages carry null and [] where objects belong; PHP writes {} as []."""
    assert load({field: sent}).fields[field] == {}


@pytest.mark.parametrize("field", OBJECT_FIELDS)
def test_objects_are_there_though_absent(field: str):
    """Whoever reads a message need not ask whether it has properties."""
    assert load({}).fields[field] == {}


@pytest.mark.parametrize("field", ["context", "integrations"])
@pytest.mark.parametrize("sent", ["x", 1, False, [1]])
def test_nothing_depends_on_an_odd_context(field: str, sent: object):
    """A context or integrations of the wrong type counts as none."""
    assert load({field: sent}).fields[field] == {}


@pytest.mark.parametrize("sent", [None, "", 1, ["track"], {}])
def test_a_type_that_is_no_text_is_none(sent: object):
    """It is stored all the same, for the mapping to count."""
    loaded = load({"type": sent, "userId": "u1"})

    assert loaded.type == ""
    assert "type" not in loaded.fields


def test_null_and_absent_are_the_same():
    """The fields hold no null of their own; below them nothing is touched."""
    sent = {"userId": None, "category": None, "event": "A", "properties": {"login_id": None}}

    fields = load(sent).fields

    assert fields["properties"] == {"login_id": None}
    assert not {"userId", "category"} & set(fields)


def test_every_other_key_passes_as_it_is():
    """Keys that Segment does not define stay, dots, dollars and all, for paths of the settings may lead there."""
    others = {"a": "x", "a.b": 1, "userId.x": [1], "$k": {"z": None}, "_metadata": {}, "": 0}

    fields = load({"userId": "u1", **others}).fields

    assert {name: fields[name] for name in others} == others


def test_the_first_time_that_can_be_read_counts():
    """It is timestamp, else originalTimestamp, else receivedAt; none of them means none."""
    sent = {"timestamp": "2019-10-31T15:03:38.971Z", "originalTimestamp": 2 * 10**12, "receivedAt": 3 * 10**12}

    times = []
    for name in [*sent, "sentAt"]:
        times.append(load(sent).timestamp_ms)
        sent[name] = "soon"

    assert times == [1572534218971, 2 * 10**12, 3 * 10**12, None]


def test_a_message_without_an_id_gets_one_of_its_content():
    """A second try has the same id, whatever the order of its keys; any other content has another."""
    first = load({"type": "track", "userId": "u1", "properties": {"a": 1, "b": 2}})
    again = load({"userId": "u1", "properties": {"b": 2, "a": 1}, "type": "track", "messageId": None})
    other = load({"type": "track", "userId": "u1", "properties": {"a": 1, "b": 3}})

    assert first.message_id == again.message_id == first.fields["messageId"]
    assert first.message_id.startswith("content-")
    assert other.message_id != first.message_id


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample["body"]])
def test_recorded_messages_are_taken(name: str):
    """Whatever was seen on the wire is taken, save properties that are no object."""
    refused = []
    for found in payload.messages(json.dumps(SAMPLES[name]["body"]).encode()):
        try:
            load(found)
        except MessageRejected as rejection:
            refused.append(rejection.code)

    assert refused == (["properties_not_object"] if name == "edge-properties-string" else [])


def _taken(sent: dict[str, Any]) -> Message | str:
    try:
        return load(sent)
    except MessageRejected as rejection:
        return rejection.code


@LAWS
@given(st.one_of(messages, st.dictionaries(st.text(max_size=5), json_values)))
def test_a_stored_message_comes_back(sent: dict[str, Any]):
    """Whatever is taken is restored equal, and taking it again changes nothing; the rest is refused by a code."""
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


@LAWS
@given(
    st.one_of(messages, st.dictionaries(st.sampled_from(["type", *ID_FIELDS, *OBJECT_FIELDS, "x"]), _ODD_VALUES))
)
@example({"type": "", "messageId": "", "userId": "", "properties": {}})
def test_the_schema_alone_says_what_is_taken(sent: dict[str, Any]):
    """Whether a message had to be cleaned or not, it is what the schema makes of it."""
    taken, made = _taken(sent), _made_by_the_schema(sent)

    if taken == "split_too_large":
        assert isinstance(made, dict)
    elif isinstance(taken, str):
        assert taken == made
    else:
        assert repr(sorted((taken.fields | {"messageId": ""}).items())) == repr(
            sorted((made | {"messageId": ""}).items())
        )
        assert taken.message_id == made.get("messageId") or taken.message_id.startswith("content-")


@LAWS
@given(messages)
def test_taking_a_message_leaves_the_sent_one(sent: dict[str, Any]):
    """Whatever is taken or refused, the sender's object is not changed, for it may be set aside as it came."""
    before = json.dumps(sent)

    taken = _taken(sent)

    assert json.dumps(sent) == before
    assert taken == _taken(json.loads(before))
