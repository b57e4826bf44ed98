"""A damaged body costs only its damaged parts."""

import itertools
import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.errors import RequestRefused
from split_dest.segment.payload import Unreadable, messages, read
from tests.support.strategies import json_values, objects

A, B, C = (f'{{"type":"track","event":"{name}","userId":"u"}}' for name in "ABC")


def events(body: str | bytes) -> list[str]:
    """Return the events of the readable messages, and in brackets the codes and texts of the others."""
    items = messages(body.encode() if isinstance(body, str) else body, 100)
    return [_unreadable(item) if isinstance(item, Unreadable) else item.get("event", "") for item in items]


def _unreadable(item: Unreadable) -> str:
    return f"({item.rejection.code}: {item.text.decode(errors='replace')})"


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        # Places without an element.
        (f'{{"batch":[\n,{A}\n,{B}],"sentAt":"2026-08-10T00:00:00Z","writeKey":"demo"}}', ["A", "B"]),
        (f'{{"batch":[{A},,{B}],"sentAt":"2026-08-10T00:00:00Z","writeKey":"demo"}}', ["A", "B"]),
        (f'{{"batch":[{A},{B},],"sentAt":"2026-08-10T00:00:00Z","writeKey":"demo"}}', ["A", "B"]),
        (f"[,,{A},\n,{B},,]", ["A", "B"]),
        # A missing comma.
        (f'{{"batch":[{A}{B}],"sentAt":"2026-08-10T00:00:00Z","writeKey":"demo"}}', ["A", "B"]),
        (f"[{A} {B}\n{C}]", ["A", "B", "C"]),
        # Bodies joined.
        (f'{{"batch":[{A}],"writeKey":"demo"}}{{"batch":[{B}],"writeKey":"demo"}}', ["A", "B"]),
        (f'{{"batch":[{A}]}},\n{{"batch":[{B}]}} [{C}]', ["A", "B", "C"]),
        (f"{A}{B}\n{C}", ["A", "B", "C"]),
        (f"{A},{B},\r\n{C}\r\n", ["A", "B", "C"]),
        (f"[{A}][{B}]\n\n{C}[]", ["A", "B", "C"]),
        (f"\ufeff{A}\n\ufeff{B}", ["A", "B"]),
        (f'{{"json":{A}}}{{"json":{B}}}', ["A", "B"]),
        # Other text around and between.
        (f"{A} and more", ["A", "(not_json: and more)"]),
        (f"data: {A}\n\ndata: {B}\n\n", ["A", "B", "(not_json: data:\ndata:)"]),
        (f"[{A}]]", ["A", "(not_json: ])"]),
        (f"[{A}}}", ["A"]),
        (f"[{A}] x\x00", ["A", "(not_json: x\x00)"]),
        (
            f'[{A}, oops {B}, "x" , -1]',
            ["A", "B", '(not_an_object: "x")', "(not_an_object: -1)", "(not_json: oops)"],
        ),
        # A body whose end is cut.
        (f'{{"batch":[{A},{{"type":"track","event":"A","u', ["A", '(not_json: {"type":"track","event":"A","u)']),
        (f'{{"batch":[{A},{B}', ["A", "B"]),
        (f'{{"batch":[{A},{B}],"sentAt":"2026-', ["A", "B", '(not_json: "sentAt":"2026-)']),
        (f"[{A},[{B}", ["A", f"(not_json: [{B})"]),
        (f"[{A},{B},tru", ["A", "B", "(not_json: tru)"]),
        (f'{A}{{"type":"page"', ["A", '(not_json: {"type":"page")']),
    ],
)
def test_every_element_that_is_readable_is_taken(body: str, taken: list[str]):
    """The text that belongs to no element is kept as one dead letter."""
    assert events(body) == taken


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (f'[{A},{{"x":[{B}]}}}},{C}]', ["A", "C"]),
        (f'{{"batch":[{A},{{"a":{{"b":1}},{B},{B}],"writeKey":"w"}}', ["A"]),
        (f'[{A},"x":{B},{C}]', ["A", "C"]),
        (f'[{A},"x":[{B},{B}],{C}]', ["A", "C"]),
        (f'"x" : {B}, {C}', ["C"]),
        (f'[{A},{{"a":1, "p":[{B},{B}] oops}},{C}]', ["A", "C"]),
        (f'{{"type":"track","event":"x","batch":[{A}],"a":NaN}}{C}', ["x", "C"]),
        (f'{{"batch":[{A}],"a":NaN,"type":"alias"}}{C}', ["C"]),
        (f'{{"a":{A},"b":[{B}]{C}', []),
        (f"[[{A}],{{}}", []),
        (f'[{{"batch":[{A}]}},,]', []),
    ],
)
def test_no_part_of_a_damaged_element_is_taken(body: str, taken: list[str]):
    """A message stands directly in a list of messages, or outside of everything."""
    try:
        items = messages(body.encode(), 100)
    except RequestRefused:
        items = []

    assert [each["event"] for each in items if isinstance(each, dict) and "event" in each] == taken


@pytest.mark.parametrize(
    "bad",
    [
        *('{"event":}', '{"event" "x"}', '{"a":1,}', "{'a':1}", "{a:1}", '{"a":[1 2]}', '{"a":{"b":tru}}', "{]"),
        *('{"note":"a\r\nb"}', '{"note":"a\tb"}', '{"a":"\\x"}', '{"a":01}', '{"a":1}}', "oops", '"a" "b"'),
    ],
)
@pytest.mark.parametrize("form", ['{"writeKey":"w","batch":[%s%s%s]}', "[%s%s%s]", "%s%s%s"])
@pytest.mark.parametrize("between", [",", "\n", ",\n", "\n,", ""])
def test_a_message_that_is_no_json_costs_no_other(form: str, bad: str, between: str):
    """As long as its quotes and brackets are in pairs; one bracket too many costs nothing either."""
    body = form % (A + between, bad, between + B)

    assert [each for each in events(body) if len(each) == 1] == ["A", "B"]
    assert read(body.encode())[0].envelope.get("writeKey") == ("w" if "batch" in form else None)


@pytest.mark.parametrize("bad", ['{"a":"5" screen"}', '{"type":"track', '{"a":{"b":1}', '{"a":[{"b":1}}', '"'])
@pytest.mark.parametrize("form", ['{"batch":[%s,%s,%s]}', "[%s\n%s\n%s]"])
def test_behind_a_single_quote_or_open_bracket_all_is_one_dead_letter(form: str, bad: str):
    """Nobody knows where the message ends, so it is kept with everything behind it."""
    body = form % (A, bad, B)

    first, *letters = messages(body.encode())
    stored = b"".join(each.text for each in letters if isinstance(each, Unreadable))

    assert first == orjson.loads(A)
    assert len(stored) >= len(bad + B)
    assert stored[: len(bad)] == bad.encode()


@pytest.mark.parametrize(
    ("body", "envelopes"),
    [
        (f'{{"writeKey":"w","batch":[{A},,]}}', [{"writeKey": "w"}]),
        (
            f'{{"batch":[{A},,],"sentAt":"s","context":{{"a":[1]}},"x":1}}',
            [{"sentAt": "s", "context": {"a": [1]}}],
        ),
        (f'{{"batch":[{A}],"integrations":{{"a":1}}', [{"integrations": {"a": 1}}]),
        (f'{{"writeKey":"w","batch":[{A},{{"context":{{"b":1}},"sen', [{"writeKey": "w"}, {}]),
        (f'{{"batch":[{A}],"writeKey":"w","sentAt":"s","context":{{"a":', [{"writeKey": "w", "sentAt": "s"}, {}]),
        (f'{{"batch":[{A}],"writeKey":"w","sentAt":"2026-', [{"writeKey": "w"}, {}]),
        # One kind of bracket in place of the other, and a list that ends too early.
        (f'{{"batch":[{A},{B}}},"writeKey":"w"}}', [{"writeKey": "w"}]),
        (f'{{"writeKey":"w","batch":[{A}],{B}],"sentAt":"s"}}', [{"writeKey": "w"}, {}]),
        (f'{{"batch":[{A}],[1],"writeKey":"w","context" {{"event":"x"}}}}', [{"writeKey": "w"}, {}]),
        (
            f'{{"batch":[{A}],"n":NaN,"context":{{"a":NaN}},"writeKey":"w"}}',
            [{"context": {"a": None}, "writeKey": "w"}],
        ),
        (
            f'{{"batch":[{A}],"writeKey":"w"}}{{"batch":[{B}],"context":{{"a":1}}}}{C}',
            [{"writeKey": "w"}, {"context": {"a": 1}}, {}],
        ),
        (f'{{"writeKey":"v","batch":[{A}{{"batch":[{B}],"writeKey":"w"}}', [{"writeKey": "v"}, {"writeKey": "w"}]),
        (f'{{"batch":[{A}]{{"batch":[{B}],"writeKey":"w"}}', [{}, {"writeKey": "w"}]),
        (f'{{"type":"track","a":NaN,"writeKey":"w"}}{B}', [{}, {}]),
        (f'{{"userId":NaN,"writeKey":"w"}}{B}', [{"writeKey": "w"}, {}]),
        # An envelope with a type is one message only if it can be read as one.
        (f'{{"writeKey":"w","batch":[{A},],"type":"page"}}', [{"writeKey": "w"}]),
        (
            f'{{"batch":[{A},{{}}}},"context":{{"ip":1}},"x":1}},{B}],"writeKey":"w"}}',
            [{"context": {"ip": 1}}, {}, {}],
        ),
    ],
)
def test_what_stands_beside_the_messages_counts(body: str, envelopes: list[dict[str, Any]]):
    """Members before and after the list of messages count, for the messages of their envelope alone."""
    parts = read(body.encode())

    assert [part.envelope for part in parts] == envelopes
    taken = [
        each["event"] for part in parts for each in part.messages if isinstance(each, dict) and each.get("event")
    ]
    assert taken == [name for name in "ABC" if f'"{name}"' in body]


GOOD = [{"type": "track", "event": f"e{n}", "properties": {"a": [{"b": "]},{"}, n, None]}} for n in range(4)]
_TEXTS = [json.dumps(each).encode() for each in GOOD]
_FORMS = [(b"[", b"]"), (b'{"batch":[', b"]}"), (b'{"writeKey":"w","batch":[', b'],"sentAt":"s"}'), (b"", b"")]


def taken(body: bytes) -> list[dict[str, Any]]:
    """Return the messages of the test that are read from a body."""
    try:
        return [each for each in messages(body) if isinstance(each, dict) and "event" in each]
    except RequestRefused:
        return []


@pytest.mark.parametrize(("before", "after"), _FORMS)
@pytest.mark.parametrize("comma", [b",", b"\n,", b"\n"])
def test_wherever_a_body_is_cut_its_whole_messages_are_taken(before: bytes, after: bytes, comma: bytes):
    """Messages that end before the cut are read, and no part of the one that is cut."""
    body = before + comma.join(_TEXTS) + after
    ends = list(itertools.accumulate((len(text) + len(comma) for text in _TEXTS), initial=len(before)))

    for cut in range(len(body)):
        whole = sum(1 for end in ends[1:] if end - len(comma) <= cut)
        assert taken(body[:cut]) == GOOD[:whole], body[:cut]


_BETWEEN = st.text("], }:x1.\\\t\n'-é", max_size=4).map(str.encode)


@given(st.sampled_from(_FORMS[:2]), st.lists(_BETWEEN, min_size=5, max_size=5))
@example((b"[", b"]"), [b",", b"]1", b"}]", b"", b""])
def test_what_stands_between_messages_costs_none(form: tuple[bytes, bytes], between: list[bytes]):
    """Marks and letters between messages do no harm, as long as they open nothing."""
    body = form[0] + b"".join(gap + text for gap, text in zip(between, [*_TEXTS, b""], strict=True)) + form[1]

    assert taken(body) == GOOD


@given(
    st.lists(st.lists(objects, max_size=3), min_size=1, max_size=4),
    st.sampled_from([b"", b" ", b"\n", b"\r\n", b","]),
)
def test_joined_bodies_are_all_read(batches: list[list[dict[str, Any]]], between: bytes):
    """Joined bodies are read in their order, each batch with its own envelope."""
    sent = [[{"type": "track", **each} for each in batch] for batch in batches]
    bodies = [orjson.dumps({"batch": batch, "sentAt": n}) for n, batch in enumerate(sent)]

    parts = read(between.join(bodies) + between) if any(sent) else []

    assert [part.messages for part in parts] == (sent if any(sent) else [])
    assert [part.envelope["sentAt"] for part in parts] == list(range(len(parts)))


@given(st.lists(json_values, min_size=1, max_size=4), st.binary(max_size=3), st.data())
def test_one_damaged_message_costs_no_other_in_lines(values: list[Any], damage: bytes, data: st.DataObject):
    """Damage in one line leaves the messages in the lines before it as they are."""
    texts = [orjson.dumps({"type": "track", "event": str(n), "p": value}) for n, value in enumerate(values)]
    bad = data.draw(st.integers(0, len(texts) - 1))
    at = data.draw(st.integers(0, len(texts[bad])))
    lines = [*texts[:bad], texts[bad][:at] + damage + texts[bad][at + len(damage) :]]

    assert taken(b'{"batch":[\n' + b",\n".join(lines))[:bad] == [orjson.loads(text) for text in texts[:bad]]


BESIDE = ["writeKey", "sentAt", "context", "integrations"]
_ENVELOPES = st.fixed_dictionaries(
    {"batch": st.lists(json_values, min_size=1, max_size=4)},
    optional=dict.fromkeys([*BESIDE, "type", "a.b", 'batch"', ""], json_values),
)


@given(
    st.one_of(st.lists(json_values, min_size=1, max_size=4), objects, _ENVELOPES),
    st.sampled_from([None, 0, 1]),
    st.booleans(),
)
def test_what_is_whole_is_read_as_if_it_were_not_damaged(body: Any, indent: int | None, ascii_only: bool):
    """A whole body that is joined to another message has the same messages and the same envelope."""
    text = json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode()

    (quick,), (part, last) = read(text), read(text + A.encode())

    assert [_known(each) for each in part.messages] == [_known(each) for each in quick.messages]
    assert last.messages == [orjson.loads(A)]
    if not any(isinstance(each, Unreadable) for each in part.messages) or quick.envelope:
        assert part.envelope == {name: quick.envelope[name] for name in BESIDE if name in quick.envelope}


def _known(item: dict[str, Any] | Unreadable) -> Any:
    return orjson.loads(item.text) if isinstance(item, Unreadable) else item


@pytest.mark.parametrize("form", ["[%s,]", '{"batch":[%s,]}', "%s"])
def test_too_many_messages_are_refused(form: str):
    """The limit applies to damaged bodies too; pieces are no messages."""
    body = (form % "\n".join([A] * 3) + "oops").encode()

    assert len(messages(body, 3)) == 4
    with pytest.raises(RequestRefused) as caught:
        messages(body, 2)

    assert caught.value.status == 413
    assert caught.value.code == "too_many_messages"


def test_a_file_that_ends_in_zeros_loses_no_message():
    """As one that was written past its end; there may be more of them than of the messages."""
    assert events(f'{{"batch":[{A},{B}'.encode() + b"\0" * 2000)[:2] == ["A", "B"]
