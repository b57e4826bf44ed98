"""Bodies of requests, and the messages in them."""

import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.errors import RequestRefused
from split_dest.segment import payload
from split_dest.segment.payload import Unreadable, messages
from tests.support.strategies import json_values, objects

A, B = {"type": "track", "event": "A"}, {"type": "page", "name": "B"}
A_TEXT, B_TEXT = b'{"type":"track","event":"A"}', b'{"type":"page","name":"B"}'


def reason(item: dict[str, Any] | Unreadable) -> str:
    """Return the reason code of an unreadable message, or "taken"."""
    return item.rejection.code if isinstance(item, Unreadable) else "taken"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (A_TEXT, [A]),
        (b"\r\n\t " + A_TEXT + b" \n", [A]),
        (b"[" + A_TEXT + b" , " + B_TEXT + b"]", [A, B]),
        (b'{"batch":[' + A_TEXT + b"," + B_TEXT + b'],"sentAt":"x","writeKey":"w"}', [A, B]),
        (b'[{"json":' + A_TEXT + b'},{"json":' + B_TEXT + b"}]", [A, B]),
        (b'{"json":' + A_TEXT + b"}", [A]),
        (b'{"batch":[{"json":' + A_TEXT + b"}]}", [A]),
        (b"[]", []),
        (b'{"batch":[]}', []),
        (b"{}", [{}]),
    ],
)
def test_every_form_of_a_body_gives_its_messages(body: bytes, expected: list[dict[str, Any]]):
    """One message, a bare array, an envelope and wrapped elements are all taken, in their order."""
    assert messages(body) == expected
    assert messages(b"\xef\xbb\xbf" + body.strip()) == expected


@pytest.mark.parametrize(
    "one",
    [
        {"type": "track", "json": {"type": "page"}},
        {"json": "text"},
        {"json": [1]},
        {"batch": {"type": "track"}},
        *({"batch": None}, {"type": "track", "batch": []}, {"batch": [{"type": "page"}], "type": "alias"}),
    ],
)
def test_what_only_looks_like_a_wrapper_is_a_message(one: dict[str, Any]):
    """An object in json or an array in batch is unwrapped, but not from an object that has a message's type."""
    assert messages(json.dumps(one).encode()) == [one]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'{"userId":NaN}', "number_not_finite"),
        (b'{"anonymousId":-Infinity}', "number_not_finite"),
        (b'{"groupId":1e999}', "number_not_finite"),
        (b'{"userId":-1' + b"0" * 5000 + b"}", "number_not_finite"),
        (rb'{"userId":"u \ud800"}', "text_not_unicode"),
        (b'{"anonymousId":"\xff"}', "text_not_unicode"),
        (b'{"json":{"groupId":"\xed\xa0\x80"}}', "text_not_unicode"),
        (b'{"a":NaN b}', "not_json"),
        (b"NaN", "not_an_object"),
        (b"[" * 300 + b"]" * 300, "not_an_object"),
        (b"[" * 100_000 + b"]" * 100_000, "not_an_object"),
        *((text, "not_an_object") for text in (b"1", b"-0.5", b'"track"', b"true", b"null", b"[]", b"[{}]")),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        *(b"[%b,%b,%b]", b" \n[%b,%b ,\t%b]\r ", b' {"sentAt":"[", "batch" : [ %b , %b, %b ] } '),
        b"[%b,%b,%b" + b",{}" * 20 + b"]",
    ],
)
def test_one_bad_message_leaves_the_good_ones(form: bytes, bad: bytes, code: str):
    """The batch is accepted; the bad message alone is unreadable, with its reason and its own text."""
    first, item, last, *more = messages(form % (A_TEXT, bad, B_TEXT))

    assert [first, last] == [A, B]
    assert [each for each in more if each] == []
    assert isinstance(item, Unreadable)
    assert item.rejection.code == code
    assert item.text == bad


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"track","userId":NaN}', "number_not_finite"),
        (b'{"type":"track","userId":"\xff"}', "text_not_unicode"),
        (b'{"batch":{},"userId":NaN}', "number_not_finite"),
        (b'{"batch":[{}],"userId":NaN,"type": "track"}', "number_not_finite"),
        (b'"track"', "not_an_object"),
        (b"12", "not_an_object"),
    ],
)
def test_one_bad_message_alone_is_set_aside(body: bytes, code: str):
    """The request is accepted all the same, for sending the message again would not help."""
    (item,) = messages(body)

    assert isinstance(item, Unreadable)
    assert item.rejection.code == code
    assert item.text == body


def test_sixty_four_levels_are_not_too_deep():
    """The deepest message accepted has 64 nested objects."""
    body = b'{"a":' * 64 + b"1" + b"}" * 64

    assert [reason(item) for item in messages(b"[" + body + b",NaN]")] == ["taken", "not_an_object"]
    assert messages(body) == [json.loads(body)]
    assert messages(b"[" + b",".join([body] * 20) + b"]") == [json.loads(body)] * 20


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"\xef\xbb\xbf", b"track", b"type=track&event=A", b"<a/>", b"\x00", b"\xff\xfe{\x00}\x00"),
        *(
            A_TEXT[:-1],
            A_TEXT[:-3],
            b"[",
            b"[,]",
            b'{"batch":[',
            b'{"batch":[],"writeKey":"w"',
            b"[" + A_TEXT[:-1],
        ),
        *(
            b"{'type':'track'}",
            b"[{'type':'track'}]",
            b"{type:1}",
            b"[1 2]",
            b'{"a":1,}',
            b"NaN",
            b'"a',
            b"1,[],2",
        ),
        *(b'[{"a":tru},tru]', b'["a\nb"]', b"[01]", b"[+1]", b"[.5]", b"[" * 100_000, b'{"a":' * 2000),
        *(b'[{"a":NaN b}]', b'{"batch":[1],"batch":[}', b'"a":' + A_TEXT, b'{"a" "b":1,"c":' + A_TEXT + b"}"),
    ],
)
def test_what_is_not_json_is_refused_whole(body: bytes):
    """A body in which nothing is readable is refused with 400."""
    with pytest.raises(RequestRefused) as caught:
        messages(body)

    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"


def test_the_refusal_shows_nothing_of_the_body():
    """The error says where the body breaks, but quotes nothing of it."""
    with pytest.raises(RequestRefused) as caught:
        messages(b'{"email":"peter@example.com" oops')

    assert "line 1" in str(caught.value)
    assert "peter" not in str(caught.value)
    assert "oops" not in str(caught.value)


@pytest.mark.parametrize("form", [b"[%b]", b'{"batch":[%b]}'])
@pytest.mark.parametrize("last", [B_TEXT, b"NaN"])
def test_too_many_messages_are_refused_whole(form: bytes, last: bytes):
    """The limit itself is accepted; one more message and the request is refused with 413."""
    body = form % b",".join([A_TEXT] * 3 + [last])

    assert len(messages(body, 4)) == len(messages(body)) == 4
    with pytest.raises(RequestRefused) as caught:
        messages(body, 3)

    assert caught.value.status == 413
    assert caught.value.code == "too_many_messages"


@pytest.mark.parametrize("other", [b"", b',"z":NaN'])
def test_of_two_equal_names_the_last_counts(other: bytes):
    """The last member of a name counts, as for JSON.parse, in damaged bodies too."""
    first = b'{"type":"page","type":"track","batch":0' + other + b"}"
    body = b'{"batch":[' + first + b'],"batch":[' + A_TEXT + b"," + first + b"]}"

    items = messages(body)

    assert len(items) == 2
    assert items[0] == A
    assert items[1] == {"type": "track", "batch": 0} | (
        {"z": None, "_repaired": ["number_left_out"]} if other else {}
    )


@given(st.one_of(st.binary(), st.text('[]{},:"\\ 1NaN-e.').map(str.encode)))
@example(b'[{"a":NaN},]')
@example(b'{"batch":[NaN,{"json":{"a":"\xff"}}]}')
@example(b"0e0")
def test_any_bytes_are_messages_or_refused(body: bytes):
    """Any bytes are refused as no JSON, or each entry is an object or has its reason and text."""
    try:
        items = messages(body)
    except RequestRefused as refused:
        items, code = [], refused.code
    else:
        code = ""

    assert code in ("", "invalid_json")
    for each in items:
        # What is JSON is written again, so 0e0 becomes 0.0.
        if isinstance(each, Unreadable) and each.rejection.code != "not_an_object":
            assert [piece for piece in each.text.split(b"\n") if piece not in body] == []


_ELEMENTS = st.one_of(
    st.tuples(json_values.map(orjson.dumps), st.just("")),
    st.sampled_from(
        [
            (b"NaN", "not_an_object"),
            (b'{"type":"track","userId":1e999}', "number_not_finite"),
            (b'{"userId":"\xfe"}', "text_not_unicode"),
            (b"[" * 2000 + b"]" * 2000, "not_an_object"),
        ]
    ),
)


@given(st.lists(_ELEMENTS, max_size=5), st.booleans(), st.sampled_from([b",", b" ,\n"]))
def test_every_element_gives_one_entry(elements: list[tuple[bytes, str]], envelope: bool, comma: bytes):
    """A good element is accepted as it is and a bad one is unreadable, whatever its neighbours are."""
    body = b"[" + comma.join(text for text, _ in elements) + b"]"

    items = messages(b'{"batch":' + body + b"}" if envelope else body)

    for (text, code), each in zip(elements, items, strict=True):
        if code:
            assert reason(each) == code
            assert each.text == text
        else:
            _assert_taken(json.loads(text), each)


def _assert_taken(sent: Any, item: dict[str, Any] | Unreadable) -> None:
    if isinstance(sent, dict):
        wrapped = "type" not in sent and isinstance(sent.get("json"), dict)
        assert item == (sent["json"] if wrapped else sent)
    else:
        assert reason(item) == "not_an_object"


@given(objects)
def test_a_message_is_written_as_it_was_read(sent: dict[str, Any]):
    """A message is written as JSON that means the same."""
    assert messages(payload.text({"type": "track", **sent})) == [{"type": "track", **sent}]


@pytest.mark.parametrize(
    ("body", "envelope"),
    [
        (b'{"batch":[1],"sentAt":"s","more":[2]}', {"sentAt": "s", "more": [2]}),
        (b'{"writeKey":"w","batch":[NaN,1],"context":{"a":1}}', {"writeKey": "w", "context": {"a": 1}}),
        (b'{"batch":[1],"context":NaN,"writeKey":"w"}', {"context": None, "writeKey": "w"}),
        (b'{"batch":[1],"context":{"a":"\xff"},"sentAt":"s"}', {"context": {"a": "\ufffd"}, "sentAt": "s"}),
        (b'{"batch":[1],"context":{"a":b},"sentAt":"s"}', {"sentAt": "s"}),
        (b'{"batch":[%b],"writeKey":"w"}' % (b"[" * 90 + b"]" * 90), {"writeKey": "w"}),
        (
            b'{"batch":[%b1],"context":%b,"writeKey":"w"}' % (b"1," * 20, b"[" * 66 + b"]" * 66),
            {"context": json.loads("[" * 64 + "null" + "]" * 64), "writeKey": "w"},
        ),
        (b'{"userId":NaN,"writeKey":"w"}', {"writeKey": "w"}),
        (b'{"a":NaN,"writeKey":"w"}', {}),
        (A_TEXT, {}),
        (b"[1,NaN]", {}),
    ],
)
def test_what_stands_beside_the_messages_is_kept(body: bytes, envelope: dict[str, Any]):
    """An envelope's members are read however bad a message is; an unreadable member costs only itself."""
    assert payload.read(body)[0].envelope == envelope


def test_what_is_no_text_is_refused_at_once() -> None:
    """A packed file is refused, although it contains brackets."""
    packed = gzip.compress(b"[" + b" " * 5_000_000 + b"]")

    with pytest.raises(RequestRefused) as caught:
        payload.read(packed * 3)

    assert caught.value.code == "invalid_json"
    assert caught.value.detail == "The body is not text."
