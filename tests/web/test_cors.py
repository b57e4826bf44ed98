"""What browsers ask before they let a page call the Tracking API and read its answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from split_dest.config.settings import Redis, Settings
from split_dest.web import create_app
from tests.support.endpoint import TRACK, call

ORIGIN = "https://shop.example.com"


def listed(answer: TestResponse, header: str) -> set[str]:
    """Return the names that a header lists, in small letters."""
    return {each.strip().lower() for each in answer.headers.get(header, "").split(",")} - {""}


def is_readable(answer: TestResponse, origin: str = ORIGIN) -> bool:
    """Return whether a page of the origin may read the answer, and the two headers that say when to come again."""
    told = [answer.headers.get(f"Access-Control-Allow-{name}") for name in ("Origin", "Credentials")]
    exposed = listed(answer, "Access-Control-Expose-Headers")
    return told == [origin, "true"] and {"retry-after", "x-ratelimit-reset"} <= exposed and "Origin" in answer.vary


@pytest.mark.parametrize(
    "path",
    [
        "/v1/track",
        "/v1/t/",
        "/v1/batch",
        "/v1/b",
        "/v1/m",
        "/v1/pixel/track",
        "/v1/projects/wk/settings",
        "/v1/no",
    ],
)
def test_a_preflight_lets_sdks_send_what_they_send(client: FlaskClient, path: str) -> None:
    """A star would not cover Authorization, so each name is given; a page's own headers are let through."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-own",
    }
    answer = client.options(path, headers=asked)

    assert (answer.status_code, answer.data) == (204, b"")
    assert is_readable(answer)
    assert {"post", "get", "options"} <= listed(answer, "Access-Control-Allow-Methods")
    allowed = listed(answer, "Access-Control-Allow-Headers")
    assert {"authorization", "content-type", "x-retry-count", "x-own"} <= allowed
    assert answer.headers["Access-Control-Max-Age"] == "86400"


def test_a_preflight_that_asks_for_no_headers_is_told_the_usual(client: FlaskClient) -> None:
    """As that of an SDK that only sends text/plain."""
    answer = client.options("/v1/t", headers={"Origin": "null"})

    assert is_readable(answer, "null")
    assert listed(answer, "Access-Control-Allow-Headers") == {"authorization", "content-type", "x-retry-count"}


@pytest.mark.parametrize(
    ("body", "path", "key", "status"),
    [
        (TRACK, "/v1/track", "wk", 200),
        (b"{}", "/v1/m", "", 200),
        (TRACK, "/v1/track", "no", 401),
        (b"no json", "/v1/batch", "wk", 400),
        (b" " * 512_001, "/v1/batch", "wk", 400),
        (TRACK, "/v1/nothing", "wk", 404),
        (TRACK, "/v1/pixel/track", "wk", 405),
    ],
)
def test_pages_may_read_every_answer(client: FlaskClient, body: Any, path: str, key: str, status: int) -> None:
    """Errors too, for an SDK that can't read one tries again."""
    answer = call(client, body, path, key, headers={"Origin": ORIGIN})

    assert answer.status_code == status
    assert is_readable(answer)


def test_pages_may_read_when_to_come_again(settings: Settings, tmp_path: Path) -> None:
    """While Redis is away the answer says so to a page as well."""
    with create_app(replace(settings, redis=Redis(data_dir=str(tmp_path)))).test_client() as client:
        answer = call(client, TRACK, headers={"Origin": ORIGIN})

    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"]) == (
        503,
        "5",
        "5",
    )
    assert is_readable(answer)


def test_settings_and_pixel_may_be_read_by_pages(client: FlaskClient) -> None:
    """The browser SDK asks for its settings first."""
    for path in ("/v1/projects/wk/settings", "/v1/projects/no/settings", "/v1/pixel/track"):
        assert is_readable(client.get(path, headers={"Origin": ORIGIN}))


def test_without_an_origin_any_is_named(client: FlaskClient) -> None:
    """Servers name none, and a cache may give their answer to a page."""
    answer = call(client, TRACK)

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_other_doors_are_not_for_pages(client: FlaskClient) -> None:
    """The webhook and the pages of the operator say nothing to other origins."""
    for path in ("/webhook/web", "/livez", "/metrics", "/v1"):
        answer = client.get(path, headers={"Origin": ORIGIN})

        assert "Access-Control-Allow-Origin" not in answer.headers
