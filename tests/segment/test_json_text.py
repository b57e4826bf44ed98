"""Where strings and brackets stand in JSON text, whole or damaged."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment.json_text import Brackets, depth, end, without_strings
from tests.segment.strategies import LAWS, json_values


def places(text: bytes) -> list[int]:
    """Return where brackets stand, and make sure that they are what is told of them."""
    found = Brackets(text)
    places = [found.place(number) for number in range(len(found.codes))]
    assert bytes(text[place] for place in places) == found.codes
    assert [found.first_from(place) for place in places] == list(range(len(places)))
    return places


@pytest.mark.parametrize(
    ("text", "brackets"),
    [
        *((b"", b""), (b"[]", b"[]"), (b'{"a":["]"]}', b"{[]}"), (b'["\\"]",[]]', b"[[]]")),
        *((b'["\xff{","\xe2\x80\xa8"]', b"[]"), (b'{ "a" : "{" , "b" : "}" }', b"{}"), (b'"[]"', b"")),
        # A quote too many, or a quote that was not escaped.
        *(
            (b'{"a":"5" x [y"}', b"{}"),
            (b'{"a":"b"["c"}', b"{[}"),
            (b',"{"a":"}"}', b"{}"),
            (b'say "hi {"a":1}', b"{}"),
        ),
        # A quote too few.
        *(
            (b'{"a":"b},{"c":"d"}', b"{}{}"),
            (b'{a":"}"}', b"{}"),
            (b'{"a:"b}"}', b"{}"),
            (b'{"a":b"},{"c":1}', b"{}{}"),
        ),
        # A line break in a string, which goes on or not.
        *((b'{"a":"b\n}"}', b"{}"), (b'{"a":"b},\n{"c":1}', b"{}{}"), (b'{"a":"b\r\n{"c":1}', b"{{}")),
        *((b'["a\\\n]', b"[]"), (b'["a\\', b"["), (b"[\\]]", b"[]]"), (b'["\n\n\\"\n","]', b"[]")),
    ],
)
def test_brackets_are_found_outside_of_strings(text: bytes, brackets: bytes):
    """Each quote is judged by its neighbours, so one too many or too few hides no other."""
    places(text)

    assert Brackets(text).codes == brackets


@pytest.mark.parametrize(
    ("text", "closers"),
    [
        (b"[[],{}]", [5, 2, None, 4, None, None]),
        (b"[{]}", [3, 2, None, None]),
        (b"[[]", [None, 2, None]),
        (b"]]{}[", [None, None, 3, None, None]),
    ],
)
def test_a_bracket_is_closed_by_the_first_that_leads_out(text: bytes, closers: list[int | None]):
    """Whichever of both kinds it is."""
    found = Brackets(text)

    codes = found.codes
    assert [found.closer(n, len(codes)) if codes[n] in b"[{" else None for n in range(len(codes))] == closers
    assert found.closer(0, 1) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"[{", b"{"), (b"[{}", b"["), (b"{[],[[]]", b"{"), (b"{[]}", None), (b"{[[]", b"["), (b"[]]", None)],
)
def test_the_innermost_bracket_that_is_open_is_known(text: bytes, code: bytes | None):
    """Or that there is none."""
    found = Brackets(text)

    assert found.innermost(0, len(found.codes)) == (code and ord(code))


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        *(
            (b"[]", 2),
            (b"[[]]]", 4),
            (b'[{"a":"]"}],1', 11),
            (b"{]", 2),
            (b"[{}", None),
            (b"[", None),
            (b'["]', 3),
        ),
        (b"[" * 10**5 + b"]" * 10**5 + b"]", 2 * 10**5),
    ],
)
def test_an_array_or_object_ends_somewhere_or_nowhere(text: bytes, ends: int | None):
    """However deep it is."""
    assert end(text, 0) == ends
    assert end(b"1," + text, 2) == (ends and ends + 2)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        *((b"", 0), (b'"[["', 0), (b"1", 0), (b"]", 0), (b"{}", 1), (b"[" * 10**5, 10**5)),
        *((b'[{"a":[1]},[2]]', 3), (b"[[],[[1]]]", 3), (b'[{},{"a":{}}]', 3)),
    ],
)
def test_depth_counts_open_containers(text: bytes, levels: int):
    """Brackets in texts are not counted, and no depth is too deep to be counted."""
    assert depth(text) == levels


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _brackets(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + "".join(map(_brackets, value.values())) + "}"
    return "[" + "".join(map(_brackets, value)) + "]" if isinstance(value, list) else ""


@LAWS
@given(json_values, st.sampled_from([None, 0, 2]), st.booleans())
def test_brackets_of_good_json_are_those_of_its_values(value: Any, indent: int | None, ascii_only: bool):
    """However it is written."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert Brackets(text).codes.decode() == _brackets(value)
    assert depth(text) == _depth(value)
    assert b'"' not in without_strings(text)
    if isinstance(value, list | dict):
        assert end(text, 0) == end(text + b"]}", 0) == len(text)


@LAWS
@given(st.one_of(st.binary(), st.text('[]{},:"\\ \na1').map(str.encode)))
def test_any_bytes_have_brackets(text: bytes):
    """Each stands where it is told to stand."""
    assert places(text) == sorted(places(text))
    assert depth(text) >= 0


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
    """A megabyte of whatever looks like the beginning or the end of many strings takes a fraction of a second."""
    text = start + part * (1_000_000 // len(part))
    started = time.process_time()

    Brackets(text)
    depth(text)
    end(text, 0)

    assert time.process_time() - started < 2
