"""Calls in the URL of an image."""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment import payload
from split_dest.segment.pixel import body_of_query
from split_dest.segment.tracking import Call, posted
from tests.support.strategies import objects

CALL = {
    "writeKey": "w",
    "userId": "~~~~???????>>>>",
    "event": "Email Opened",
    "properties": {"subject": "The Daily"},
}
JSON = orjson.dumps(CALL).decode()
TEXT = base64.b64encode(JSON.encode()).decode()


def lines(blank: str, size: int) -> str:
    """Return the Base64 text in lines of a size, each of which ends with a blank."""
    return "".join(TEXT[at : at + size] + blank for at in range(0, len(TEXT), size))


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        quote(TEXT),
        TEXT.rstrip("="),
        TEXT + "===",
        TEXT.replace("+", "-").replace("/", "_"),
        quote(TEXT, safe="") + "%0A",
        quote(TEXT) + "%20",
        *(lines(blank, size) for blank in ("%0A", "%0D%0A", "%20", "%09") for size in (60, 76)),
        "%0A%20" + quote(lines("\n ", 3), safe="+/="),
    ],
)
def test_data_is_json_in_any_kind_of_base64(data: str):
    """In Base64 a raw plus sign is a digit, blanks and line breaks are ignored, and padding is optional."""
    assert {"+", "/", "="} <= set(TEXT)
    for query in (f"data={data}&event=Other", f"event=Other&d%61ta={data}&data=other"):
        assert orjson.loads(body_of_query(query)) == CALL


@pytest.mark.parametrize("data", [quote(JSON), quote_plus(JSON), "%0A+" + quote(JSON), JSON.replace(" ", "+")])
def test_data_may_be_json_as_it_is(data: str):
    """Data that begins with a brace is plain JSON; there a plus sign is a space, as in any form."""
    assert orjson.loads(body_of_query(f"data={data}")) == CALL


@pytest.mark.parametrize(
    "data", ["", "=", "a", "%25%25%25", "[]", "%C3%BC", "ü", "\U0001f600", "%00", "%", "AA%0", "AA=AA", "AAAA%A0"]
)
def test_what_is_no_base64_is_no_body(data: str):
    """Invalid Base64 becomes an empty body, which the endpoint refuses as no JSON."""
    assert body_of_query(f"data={data}") == b""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", {}),
        ("event=Opened&userId=u", {"event": "Opened", "userId": "u"}),
        ("event=Email+Opened&userId=%2B1%20a", {"event": "Email Opened", "userId": "+1 a"}),
        ("properties.a=1&properties.b.c=2", {"properties": {"a": "1", "b": {"c": "2"}}}),
        ("properties=x&properties.a=1", {"properties": "x"}),
        ("properties.a=1&properties=x", {"properties": "x"}),
        ("a=1&a=2&b&c=", {"a": "1", "b": "", "c": ""}),
        ("b=%C3%BC&c=ü", {"b": "ü", "c": "ü"}),
        (".=1", {"": {"": "1"}}),
    ],
)
def test_parameters_are_fields_and_dots_lead_into_them(query: str, message: dict[str, Any]):
    """A parameter that is both a field and the parent of others keeps its own value."""
    assert orjson.loads(body_of_query(query)) == message


def test_what_is_no_text_stays_recognizable():
    """A byte that is not UTF-8 becomes a lone surrogate, which the endpoint repairs and notes."""
    (message,) = payload.messages(body_of_query("event=A%FF&userId=u&n%FE=%C3%BC"))

    assert message == {"event": "A\ufffd", "userId": "u", "n\ufffd": "ü", "_repaired": ["text_repaired"]}


@pytest.mark.parametrize(
    "text", ["1572534218971", "1572534218.971", "2019-10-31T15:03:38.971:Z", "2019-10-31T3:03:38.971 PMZ"]
)
@pytest.mark.parametrize("escape", [quote, quote_plus])
def test_a_time_is_read_in_any_form(escape: Callable[[str], str], text: str):
    """In a query every time is a text."""
    query = f"userId=u&timestamp={escape(text)}&context.x=1"
    call = Call("track", 1_790_000_000_000, 32_768, lambda: "new")
    (item,) = posted(body_of_query(f"{query}&event=A"), call).messages

    assert isinstance(item, dict)
    assert item["timestamp"] == "2019-10-31T15:03:38.971Z"


def test_many_dots_do_no_harm():
    """After 32 dots the rest is a name."""
    result = orjson.loads(body_of_query("a." * 2000 + "b=1"))

    for _ in range(32):
        result = result["a"]
    assert result == {"a." * 1968 + "b": "1"}


@given(st.one_of(st.text(), st.text("dat=&%2+B.{ "), st.text().map("data={}".format)))
def test_any_query_gives_bytes(query: str):
    """Any query becomes a body, without an error."""
    assert isinstance(body_of_query(query), bytes)


@given(objects, st.sampled_from([quote, quote_plus, str]))
def test_data_is_given_as_it_is(call: dict[str, Any], escape: Callable[[str], str]):
    """Every message is read back, from Base64 and from escaped plain JSON."""
    body = orjson.dumps(call)

    assert body_of_query("data=" + escape(base64.b64encode(body).decode())) == body
    assert body_of_query(urlencode({"data": body})) == body


@pytest.mark.parametrize("part", ["%", "&", "=", "+", "%20", "a.", "a=&", "data", "data=%0A+", "{"])
def test_a_hostile_query_costs_little_time(part: str):
    """Eight thousand characters, gunicorn's limit, cost little."""
    queries = [start + part * (8000 // len(part)) for start in ("", "data=")]
    started = time.process_time()

    for query in queries * 10:
        body_of_query(query)

    assert time.process_time() - started < 1
