"""Bodies in gzip: all of their members are read, or the request is refused."""

import gzip
from itertools import pairwise
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest.inbox.store import Store
from tests.support.endpoint import TRACK, basic, post, stored

OTHER = TRACK | {"messageId": "m-2"}
BATCH = orjson.dumps([TRACK, OTHER])
#: Each endpoint's path and headers.
ENDPOINTS = [("/webhook/web", {}), ("/v1/batch", {"Authorization": basic("wk")})]


def packed(body: bytes, *cuts: int) -> bytes:
    """Return a gzip file with a member for each piece of a body."""
    bounds = [0, *cuts, len(body)]
    return b"".join(gzip.compress(body[start:end], mtime=0) for start, end in pairwise(bounds))


@pytest.mark.parametrize(("path", "headers"), ENDPOINTS)
@pytest.mark.parametrize(
    "body",
    [
        packed(BATCH, 40),
        packed(BATCH, *range(1, len(BATCH))),
        packed(BATCH, 0, 0, len(BATCH)),
        packed(b"[" + b" " * 100_000 + BATCH[1:], 70_000),
        gzip.compress(orjson.dumps(TRACK), mtime=0) + gzip.compress(b"\n" + orjson.dumps(OTHER), mtime=0),
    ],
    ids=["cut in a message", "a member a byte", "empty members", "large", "a member a message"],
)
def test_members_that_follow_each_other_are_one_body(
    client: FlaskClient, store: Store, path: str, headers: dict[str, str], body: bytes
) -> None:
    """As RFC 1952 says; what would be left out is acknowledged otherwise, and lost."""
    answer = post(client, body, path, headers=headers)

    assert answer.status_code == 200
    assert {found.message_id for found in stored(store)} == {"m-1", "m-2"}


@pytest.mark.parametrize(("path", "headers"), ENDPOINTS)
@pytest.mark.parametrize("rest", [b"x", b"\0\0", b"\x1f", b"\x1f\x8b\x08", packed(BATCH)[:-1], BATCH])
def test_bytes_that_are_no_member_refuse_the_body(
    client: FlaskClient, store: Store, path: str, headers: dict[str, str], rest: bytes
) -> None:
    """A 200 is only for what was read."""
    answer = post(client, packed(BATCH) + rest, path, headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_gzip")
    assert stored(store) == []


@pytest.mark.parametrize(("path", "headers"), ENDPOINTS)
def test_the_limit_holds_for_all_members_together(client: FlaskClient, path: str, headers: dict[str, Any]) -> None:
    """Also when each of them is below it."""
    answer = post(client, gzip.compress(b" " * 150_000, mtime=0) * 4, path, headers=headers)

    assert answer.get_json()["code"] == "body_too_large"
