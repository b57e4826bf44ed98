"""JSON text cut into the texts of its parts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment.json_text import depth, member, parts
from tests.segment.strategies import LAWS, json_values, names


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b"{}", []),
        (b"[1]", [b"1"]),
        (b"[1, -0 ,1.0]", [b"1", b"-0", b"1.0"]),
        (b'\r\n[{"a":[1,2]},\t"]"]', [b'{"a":[1,2]}', b'"]"']),
        (b'["\\"],[", "\\\\", ","]', [b'"\\"],["', b'"\\\\"', b'","']),
        (b'{"a":1,"b":{"c":[2,3]}}', [b'"a":1', b'"b":{"c":[2,3]}']),
        (b"[[[1,2]],[]]", [b"[[1,2]]", b"[]"]),
        (b'["\xff","\xe2\x80\xa8"]', [b'"\xff"', b'"\xe2\x80\xa8"']),
    ],
)
def test_an_array_or_object_is_cut_at_its_own_commas(text: bytes, cut: list[bytes]):
    """Commas and brackets inside texts and inner containers do not count."""
    assert list(parts(text)) == cut


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" ", b"1", b'"a"', b'"[]"', b"x[1]", b"1,[2]"),
        *(b"[", b"[1", b"[[1]", b'["a', b'["a]', b'["\\', b'["\\"]'),
        *(b"]", b"[1}", b"{]", b"{[}]", b"[]]", b"[1]]]", b"[][]", b"{}{}", b"[] x", b"[],"),
        *(b"[1,]", b"[,]", b"[1,,2]", b"[ ,1]"),
    ],
)
def test_what_is_not_one_whole_container_is_refused(text: bytes):
    """Truncated text, text behind the end, missing parts and text that is no container are told."""
    with pytest.raises(ValueError, match=r"not one whole|never ends|missing"):
        list(parts(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"json":{"a":1}}', b'{"a":1}'),
        (b'{ "x":[1,2] , "json" : "a,b" }', b'"a,b"'),
        (b'{"json":1,"json":2}', b"2"),
        (b'{"jsonp":1,"x":{"json":2}}', None),
        (b'{"a":"json"}', None),
        (b"{}", None),
        (b"{1}", None),
        (b'{"json"}', b""),
    ],
)
def test_a_member_is_found_by_its_name(text: bytes, value: bytes | None):
    """Of several with the name the last counts, as for every parser; inner ones do not."""
    assert member(text, b"json") == value


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


@LAWS
@given(st.lists(json_values, max_size=4), st.sampled_from([None, 0, 2]), st.booleans())
def test_the_parts_of_an_array_are_its_elements(array: list[Any], indent: int | None, ascii_only: bool):
    """However an array is written, its parts read singly are its elements."""
    text = json.dumps(array, indent=indent, ensure_ascii=ascii_only).encode()

    found = list(parts(text))

    assert [json.loads(part) for part in found] == array
    assert depth(text) == _depth(array)


@LAWS
@given(st.dictionaries(names.filter(str.isidentifier), json_values, max_size=4), st.sampled_from([None, 2]))
def test_every_member_of_an_object_is_found(sent: dict[str, Any], indent: int | None):
    """However an object is written, its members are found by name."""
    text = json.dumps(sent, indent=indent, ensure_ascii=False).encode()

    found = {name: member(text, name.encode()) for name in [*sent, "absent!"]}

    assert found.pop("absent!") is None
    assert {name: json.loads(value or b"") for name, value in found.items()} == sent


@LAWS
@given(st.one_of(st.binary(), st.text('[]{},:"\\ a1').map(str.encode)))
def test_cutting_loses_nothing(text: bytes):
    """Whatever can be cut gives its own text again when it is joined."""
    try:
        found = list(parts(text))
    except ValueError:
        return

    blanks, whole = b" \t\r\n", text.strip()
    joined = whole[:1] + b",".join(found) + whole[-1:]
    assert joined.translate(None, blanks) == whole.translate(None, blanks)
