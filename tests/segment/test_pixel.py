"""Calls written into the address of a picture."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment.pixel import body_of_query
from tests.segment.strategies import LAWS, objects

CALL = {
    "writeKey": "w",
    "userId": "~~~~???????>>>>",
    "event": "Email Opened",
    "properties": {"subject": "The Daily"},
}
TEXT = base64.b64encode(orjson.dumps(CALL)).decode()


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.rstrip("="),
        TEXT + "===",
        TEXT.replace("+", " "),
        TEXT.replace("+", "-").replace("/", "_"),
    ],
    ids=["as it is", "no padding", "more padding", "spaces", "for addresses"],
)
def test_data_is_json_in_any_kind_of_base64(data: str):
    """A plus becomes a space on its way, and many senders leave the padding out."""
    assert {"+", "/", "="} <= set(TEXT)
    assert orjson.loads(body_of_query({"data": data, "event": "Other"})) == CALL


@pytest.mark.parametrize("data", ["", "=", "a", "%%%", "{}", "ü", "\U0001f600", "\x00", "AAAA\n"])
def test_what_is_no_base64_is_no_body(data: str):
    """Nothing is raised; the door then tells that it is no JSON."""
    assert body_of_query({"data": data}) == b""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, {}),
        ({"event": "Opened", "userId": "u"}, {"event": "Opened", "userId": "u"}),
        ({"properties.a": "1", "properties.b.c": "2"}, {"properties": {"a": "1", "b": {"c": "2"}}}),
        ({"properties": "x", "properties.a": "1"}, {"properties": "x"}),
        ({"properties.a": "1", "properties": "x"}, {"properties": "x"}),
        ({".": "1"}, {"": {"": "1"}}),
    ],
)
def test_parameters_are_fields_and_dots_lead_into_them(query: dict[str, str], message: dict[str, Any]):
    """A name that is both a field and a way to others counts by what was said of itself."""
    assert orjson.loads(body_of_query(query)) == message


def test_many_dots_do_no_harm():
    """After 32 of them the rest is a name."""
    found = orjson.loads(body_of_query({"a." * 2000 + "b": "1"}))

    for _ in range(32):
        found = found["a"]
    assert found == {"a." * 1968 + "b": "1"}


@LAWS
@given(
    st.dictionaries(st.text(".adt"), st.text()), st.one_of(st.none(), st.text(), st.binary().map(base64.b64encode))
)
def test_any_query_gives_bytes(query: dict[str, str], data: str | bytes | None):
    """Whatever a picture's address holds."""
    if data is not None:
        query["data"] = data if isinstance(data, str) else data.decode()

    assert isinstance(body_of_query(query), bytes)


@LAWS
@given(objects)
def test_data_is_given_as_it_is(call: dict[str, Any]):
    """Every message comes through."""
    body = orjson.dumps(call)

    assert body_of_query({"data": base64.b64encode(body).decode()}) == body
