"""Strings and brackets of JSON text, whole or damaged."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment.json_text import MAX_DEPTH, end_of, is_deep, pruned
from tests.support.strategies import json_values


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        *((b"[]", 2), (b"[[]]]", 4), (b'[{"a":"]"}],1', 11), (b"{]", 2), (b'{ "a" : "}" , "b" : "{" }', 25)),
        *((b'["\\"]",[]]', 10), (b'["\xff]","\xe2\x80\xa8"]', 12), (b'["\n]\r"]', 7), (b"[[]{}]{", 6)),
        # Without an end, or within a string that has none.
        *(
            (b"[{}", None),
            (b"[", None),
            (b'["]', None),
            (b'["\\"]', None),
            (b'["]\\', None),
            (b'{"a":1,"]}', None),
        ),
        (b"[" * 10**5 + b"]" * 10**5 + b"]", 2 * 10**5),
    ],
)
def test_an_array_or_object_ends_at_its_last_bracket_or_nowhere(text: bytes, ends: int | None):
    """Brackets in strings are not counted, and no nesting is too deep to be counted."""
    assert end_of(text, 0) == ends
    assert end_of(b"1," + text, 2) == (ends and ends + 2)


@pytest.mark.parametrize("text", [b"]", b"}]", b"1]", b'"a"}', b" }}"])
def test_where_nothing_begins_the_end_is_the_next_closing_bracket(text: bytes):
    """The empty first element of an array ends where it begins."""
    assert end_of(text, 0) == len(text.rstrip(b"]}"))


_DEEPEST = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((b"", False), (b"1", False), (b"]" * 1000, False), (b"[]" * 1000, False), (b'{"a":{}},' * 1000, False)),
        *((_DEEPEST, False), (b"[" + _DEEPEST + b"]", True), (b'{"a":' * (MAX_DEPTH + 1), True)),
        *((b"[" * 10**5, True), (b'"' + b"[" * 1000 + b'"', False), (b'"' + b"[" * 1000, False)),
        *((b'["' + b'","'.join([b"["] * 1000) + b'"]', False), (b"[" + _DEEPEST[:-1] + b'"]]"]', True)),
    ],
)
def test_more_than_sixty_four_levels_are_deep(text: bytes, expected: bool):
    """Brackets in strings are not counted, and no nesting is too deep to be counted."""
    assert is_deep(text) is expected


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(json_values, st.sampled_from([None, 0, 2]), st.booleans(), st.integers(0, MAX_DEPTH))
def test_good_json_ends_with_its_value_and_is_as_deep(value: Any, indent: int | None, ascii_only: bool, more: int):
    """Any JSON ends with its value and is as deep, however it is written."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert is_deep(b"[" * more + text + b"]" * more) == (more + _depth(value) > MAX_DEPTH)
    if isinstance(value, list | dict):
        assert end_of(text, 0) == len(text)
        assert end_of(text + b"]}", 0) == len(text)


@given(st.one_of(st.binary(), st.text('[]{},:"\\ \na1').map(str.encode)))
def test_any_bytes_end_somewhere_or_nowhere(text: bytes):
    """The end of an array is behind one of its brackets."""
    ends = end_of(b"[" + text, 0)

    assert ends is None or (b"[" + text)[ends - 1 : ends] in (b"]", b"}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1", b"1"),
        (b"[" * 64 + b"]" * 64, b"[" * 64 + b"]" * 64),
        (b"[" * 65 + b"]" * 65, b"[" * 64 + b"null" + b"]" * 64),
        (b"[" * 64 + b'[1],{"a":[2]},"[{",3,[[]]' + b"]" * 64, b"[" * 64 + b'null,null,"[{",3,null' + b"]" * 64),
        (b'{"a":' * 70 + b"[1]" + b"}" * 70, b'{"a":' * 64 + b"null" + b"}" * 64),
    ],
)
def test_what_is_too_deep_is_cut_out(text: bytes, expected: bytes):
    """Arrays and objects below the 64th level become null; the rest of the text stays."""
    assert pruned(text) == expected


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3)), st.integers(55, 70))
def test_pruned_text_is_json_of_at_most_64_levels(value: Any, depth: int):
    """Pruned JSON is JSON, is not deep, and is the same text if it was not deep."""
    text = b"[" * depth + json.dumps(value).encode() + b"]" * depth

    assert not is_deep(pruned(text))
    json.loads(pruned(text))
    assert is_deep(text) or pruned(text) == text


_HOSTILE = [
    *(
        b"{",
        b"[",
        b'"',
        b"{}",
        b'{"a":',
        b'"\\',
        b"}{",
        b",{",
        b'"{',
        b'["]',
        b'"\n',
        b'{"a\n',
        b'\n"\\"',
        b' "',
        b'\\"',
    ),
    *(b'"a" ', b' "x', b'"      x', b'" "', b'\n"', b"\\", b'{"a":"b"c"},', b'"\\\n', b'":"', b"\n"),
]


@pytest.mark.parametrize("part", _HOSTILE)
@pytest.mark.parametrize("start", [b"", b"[", b'{"a":"', b'["\n'])
def test_the_time_is_linear(start: bytes, part: bytes):
    """A megabyte that is full of beginnings or ends of strings takes a fraction of a second."""
    text = start + part * (1_000_000 // len(part))
    started = time.process_time()

    is_deep(text)
    pruned(text)
    end_of(text, 0)

    assert time.process_time() - started < 10
