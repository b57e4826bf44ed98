"""Messages of which some values can't be used: these alone are repaired or left out."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from split_dest.segment import message, payload, repair
from split_dest.segment.payload import Unreadable
from tests.support.strategies import json_values

DEEP = b'{"a":' * 63


def one(body: bytes) -> dict[str, Any]:
    """Return the only message of a body."""
    (item,) = payload.messages(body)
    assert isinstance(item, dict), item.rejection
    return item


@pytest.mark.parametrize(
    ("sent", "value", "note"),
    [
        (rb'"so far \ud83d"', "so far \ufffd", "text_repaired"),
        (rb'"\ude00 and \ud83d\ud83d\ude00"', "\ufffd and \ufffd\U0001f600", "text_repaired"),
        (b'"a\xffb\xed\xa0\xbd"', "a\ufffdb\ufffd\ufffd\ufffd", "text_repaired"),
        (rb'["\udc00",{"\ud800":"\\ud83d"}]', ["\ufffd", {"\ufffd": "\\ud83d"}], "text_repaired"),
        (b"NaN", None, "number_left_out"),
        (b"[-Infinity,1,1.5,1e999]", [None, 1, 1.5, None], "number_left_out"),
        (b"1" + b"0" * 400, None, "number_left_out"),
        (b"-1" + b"0" * 90_000, None, "number_left_out"),
        (DEEP + b"[1]" + b"}" * 63, None, "nested_too_deep"),
        (b"[" * 100_000 + b"]" * 100_000, None, "nested_too_deep"),
    ],
)
@pytest.mark.parametrize("form", [b'{"type":"track","p":%b}', b'[{"json":{"type":"track","p":%b}}]'])
def test_a_value_that_cannot_be_used_is_repaired_alone(form: bytes, sent: bytes, value: Any, note: str):
    """The message is accepted; what was repaired is noted, and the rest stays."""
    item = one(form % sent)

    assert item["type"] == "track"
    assert item["_repaired"] == [note]
    assert note == "nested_too_deep" or item["p"] == value
    assert message.restore(message.dump(message.load(item))).fields["type"] == "track"


def test_whole_numbers_beside_a_bad_value_keep_their_digits():
    """A lenient parser reads numbers as the usual one does."""
    numbers = [0, -1, 2**63, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 10**25, 1.5]
    text = json.dumps(numbers)

    item = one(b'{"n":%b,"a":NaN}' % text.encode())

    assert item["n"] == orjson.loads(text)
    assert list(map(type, item["n"])) == list(map(type, orjson.loads(text)))


@pytest.mark.parametrize(
    "names",
    [
        [r"a\ud83d", r"a\ud83e", "b"],
        [r"a\ud83e", r"a\ud83d", "b"],
    ],
)
def test_of_names_that_become_one_the_first_in_order_counts(names: list[str]):
    """Whatever their order, the same one counts; the loser is noted."""
    pairs = ",".join(f'"{name}":"{name}!"' for name in names)
    item = one(f'{{"p":{{{pairs}}}}}'.encode())

    assert item["p"] == {"a\ufffd": "a\ufffd!", "b": "b!"}
    assert item["_repaired"] == ["name_taken", "text_repaired"]


@pytest.mark.parametrize("form", ['{{"a\ufffd":1,"a\\ud83d":2}}', '{{"a\\ud83d":2,"a\ufffd":1}}'])
def test_a_name_that_needs_no_repair_wins(form: str):
    """A name that was sent as it is counts more than one that was repaired into it."""
    assert one(('{{"p":' + form + "}}").format().encode())["p"] == {"a\ufffd": 1}


def test_two_damaged_message_ids_stay_two():
    """A messageId is escaped, so that no repetition is seen where there is none."""
    ids = [one(b'{"messageId":"m%b"}' % each)["messageId"] for each in (rb"\ud83d", rb"\ud83e", b"\xff", b"\xfe")]

    assert ids == ["m\\ud83d", "m\\ud83e", "m\\udcff", "m\\udcfe"]
    assert one(rb'{"messageId":7,"a":"\ud83d"}')["messageId"] == 7


@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId"])
@pytest.mark.parametrize(
    ("sent", "code"),
    [(rb'"u\ud83d"', "text_not_unicode"), (b'"\xff"', "text_not_unicode"), (b"NaN", "number_not_finite")],
)
def test_a_damaged_id_is_no_other_ones(name: str, sent: bytes, code: str):
    """Repaired, two ids could become one, so the message is kept as a dead letter, as it came."""
    body = b'{"%b":%b}' % (name.encode(), sent)
    (item,) = payload.messages(body)

    assert isinstance(item, Unreadable)
    assert item.text == body
    assert item.rejection.code == code
    assert item.rejection.detail == f"at {name}"


def test_what_is_repaired_in_an_envelope_is_noted_in_its_messages():
    """The members that messages share are repaired as well."""
    body = rb'{"batch":[{"a":1},{"a":NaN},7],"context":{"b":"\ud83d"},"sentAt":"s"}'
    (part,) = payload.read(body)

    assert part.envelope == {"context": {"b": "\ufffd"}, "sentAt": "s"}
    assert part.messages[:2] == [
        {"a": 1, "_repaired": ["text_repaired"]},
        {"a": None, "_repaired": ["number_left_out", "text_repaired"]},
    ]


def test_a_senders_own_notes_are_only_codes():
    """Whatever a sender writes there, only known codes count."""
    assert one(b'{"_repaired":["x",1,"name_taken"],"a":NaN}')["_repaired"] == ["name_taken", "number_left_out"]
    assert repair.notes({"_repaired": "name_taken"}) == []


_ODD = st.recursive(
    st.one_of(json_values, st.floats(), st.text(st.characters(categories=["Cs", "L"]), max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(st.characters(categories=["Cs", "Lu"]), max_size=2), inner, max_size=3),
    ),
    max_leaves=8,
)


def _is_whole(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


@given(_ODD)
def test_anything_repaired_can_be_written(value: Any):
    """Repaired, any value is written and read again; what needs no repair stays the same."""
    codes: set[str] = set()
    whole = repair.repaired(value, codes)

    assert orjson.loads(orjson.dumps(whole)) == whole
    assert repair.repaired(whole, again := set()) == whole
    assert not again
    assert codes or whole == value
    assert codes <= set(repair.NOTES)


@given(st.lists(_ODD.filter(_is_whole), min_size=1, max_size=3))
def test_a_bad_neighbour_changes_no_good_value(values: list[Any]):
    """A value that needs no repair is the same beside one that does."""
    codes: set[str] = set()
    assume(repair.repaired(values, codes) == values and not codes)

    item = one(b'{"p":%b,"q":NaN}' % orjson.dumps(values))

    assert item == {"p": orjson.loads(orjson.dumps(values)), "q": None, "_repaired": ["number_left_out"]}
