"""The pixel and the project's settings: what the Tracking API gives to a GET."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from split_dest.config.settings import Redis, Settings
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import stored

FIELDS = {"writeKey": "wk", "userId": "u-1", "event": "Email Opened"}
CALL = FIELDS | {"properties": {"subject": "Ünï"}}


def is_pixel(answer: TestResponse) -> bool:
    """True for a picture of one transparent dot that nobody keeps."""
    size = answer.data[6:10]
    told = (answer.status_code, answer.mimetype, answer.headers["Cache-Control"])
    return told == (200, "image/gif", "no-store") and answer.data[:6] == b"GIF89a" and size == b"\1\0\1\0"


def data(call: Any) -> str:
    """Return a query that holds a call in Base64."""
    return "data=" + quote(base64.b64encode(orjson.dumps(call)).decode())


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "query",
    [
        data(CALL),
        data(CALL) + "%0A",
        "data=" + quote(base64.encodebytes(orjson.dumps(CALL))),
        urlencode({"data": orjson.dumps(CALL)}),
        urlencode(FIELDS | {"properties.subject": "Ünï"}),
    ],
)
def test_a_call_comes_with_a_picture(client: FlaskClient, store: Store, slash: str, query: str) -> None:
    """As Base64, as JSON or as parameters; the type comes from the path."""
    answer = client.get(f"/v1/pixel/track{slash}?{query}")

    assert is_pixel(answer)
    (found,) = stored(store)
    assert (found.type, found.fields["event"]) == ("track", "Email Opened")
    assert found.fields["properties"] == {"subject": "Ünï"}


@pytest.mark.parametrize("kind", ["identify", "group", "alias", "page", "screen", "track", "t", "i"])
def test_each_kind_of_call_has_its_pixel(client: FlaskClient, store: Store, kind: str) -> None:
    """All six, by either name."""
    assert is_pixel(client.get(f"/v1/pixel/{kind}?{data(CALL)}"))
    assert [found.type[0] for found in stored(store)] == [kind[0]]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "data=",
        "data=%25%25%25",
        "data=%C3%BC",
        "data=%FF%00",
        "data=" + "A" * 99_999,
        data(CALL)[:-9],
        data([]),
        data(5),
        data(CALL | {"writeKey": "unknown"}),
        data(CALL | {"writeKey": None}),
        data(CALL | {"event": None}),
        data(CALL | {"event": "x" * 40_000}),
        data({"writeKey": "wk", "event": "A"}),
        "a." * 3000 + "b=1&writeKey=wk",
        "userId=u&userId.a=1&event=A&writeKey=unknown",
        "%ED%A0%80=1",
    ],
)
def test_the_picture_comes_whatever_was_asked(client: FlaskClient, store: Store, query: str) -> None:
    """Whoever opens a mail can mend nothing."""
    assert is_pixel(client.get(f"/v1/pixel/track?{query}"))
    assert stored(store) == []


@options(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=9) | st.just("data"), st.text(max_size=30), max_size=4))
def test_any_query_gives_a_picture(client: FlaskClient, query: dict[str, str]) -> None:
    """Known write key or not."""
    text = urlencode(query, errors="surrogatepass")

    assert is_pixel(client.get(f"/v1/pixel/track?{text}"))
    assert is_pixel(client.get(f"/v1/pixel/page?writeKey=wk&{text}"))


def test_the_picture_comes_while_redis_is_away(settings: Settings, tmp_path: Path) -> None:
    """The call is lost, and the log says so."""
    with create_app(replace(settings, redis=Redis(data_dir=str(tmp_path)))).test_client() as client:
        assert is_pixel(client.get(f"/v1/pixel/track?{data(CALL)}"))


@pytest.mark.parametrize("slash", ["", "/"])
def test_sdks_are_told_to_send_and_not_where(client: FlaskClient, slash: str) -> None:
    """Mobile SDKs prefer a host in these settings to the one that they were given, and we may not know ours."""
    answer = client.get(f"/v1/projects/wk/settings{slash}", headers={"Host": "in.example.com"})

    assert answer.status_code == 200
    assert answer.get_json()["integrations"] == {"Segment.io": {"apiKey": "wk"}}


def test_an_unknown_write_key_has_no_settings(client: FlaskClient) -> None:
    """It is told as everywhere on this endpoint."""
    answer = client.get("/v1/projects/no/settings")

    assert (answer.status_code, answer.get_json()["code"]) == (401, "unknown_source")
