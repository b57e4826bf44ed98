"""Everything that real senders post to the Tracking API, at its own address."""

import base64
import gzip
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest.config.settings import Settings
from split_dest.inbox import dead_letters
from split_dest.inbox.store import Store
from split_dest.mapping import Mapped, to_split
from split_dest.segment.message import Message
from split_dest.web import create_app
from tests.support.calls import KNOWN, RECEIVED_MS
from tests.support.endpoint import basic, stored
from tests.support.samples import SAMPLES

#: Write keys of the samples: those in their bodies, and those in their Basic headers.
KEYS = (
    "YOUR_WRITE_KEY",
    "<YOUR_WRITE_KEY>",
    "DmBXIN4JnwqBnTqXccTF0wBnLXNQmFtk",
    "WRITEKEY",
    "WK",
    "abc123",
)
MOBILE_KEYS = ("IOS_WRITE_KEY", "ANDROID_WRITE_KEY")
POSTED = {name: sample for name, sample in SAMPLES.items() if sample["via"] == "http-api"}


@pytest.fixture
def open_client(settings: Settings) -> FlaskClient:
    """A client of the application whose destination lists the samples' write keys."""
    web = replace(settings.destinations["web"], write_keys=KEYS + MOBILE_KEYS)
    return create_app(replace(settings, destinations={"web": web})).test_client()


def count(sample: dict[str, Any]) -> int:
    """Return how many messages a sample holds."""
    return 0 if "series" in sample["body"] else len(sample["body"].get("batch", [None]))


def sent(client: FlaskClient, sample: dict[str, Any]) -> Any:
    """Post a sample at its own address as it came; return the answer."""
    body = orjson.dumps(sample["body"])
    headers = {name: value for name, value in sample.get("headers", {}).items() if name != "Transfer-Encoding"}
    if "writeKey" not in sample["body"]:
        headers.setdefault("Authorization", basic("WK"))
    packed = gzip.compress(body) if headers.get("Content-Encoding") == "gzip" else body
    return client.post(sample["endpoint"], data=packed, headers=headers)


def became(found: Message) -> Mapped:
    """Return what a stored message becomes by the usual rules."""
    return to_split(found, KNOWN, RECEIVED_MS)


def mapped(client: FlaskClient, store: Store, name: str) -> list[Mapped]:
    """Post a sample; return what its messages become."""
    assert sent(client, SAMPLES[name]).status_code == 200
    return [became(found) for found in stored(store)]


def with_fact(fact: str) -> list[tuple[str, Any]]:
    """Return the samples of which a fact is known, and it."""
    return [(name, each["facts"][fact]) for name, each in POSTED.items() if fact in each.get("facts", {})]


@pytest.mark.parametrize("name", POSTED)
def test_every_sample_is_answered_as_segment_does(open_client: FlaskClient, store: Store, name: str) -> None:
    """A 200 with success: true, all its messages are stored, and none is set aside."""
    answer = sent(open_client, POSTED[name])

    assert (answer.status_code, answer.get_json()) == (200, {"success": True})
    assert len(stored(store)) == count(POSTED[name])
    assert list(dead_letters.browse(store, "web")) == []


@pytest.mark.parametrize(("name", "events"), with_fact("events"))
def test_a_batch_is_so_many_messages(open_client: FlaskClient, store: Store, name: str, events: int) -> None:
    """Each of them becomes something."""
    assert [result.dropped for result in mapped(open_client, store, name)] == [None] * events


@pytest.mark.parametrize(("name", "is_enabled"), with_fact("split_enabled"))
def test_integrations_keep_from_split(open_client: FlaskClient, store: Store, name: str, is_enabled: bool) -> None:
    """On this endpoint All: false counts."""
    (result,) = mapped(open_client, store, name)

    assert (result.dropped != "filtered_by_integrations_object") == is_enabled


@pytest.mark.parametrize(("name", "is_named"), with_fact("named"))
def test_named_pages_are_told_from_unnamed_ones(
    open_client: FlaskClient, store: Store, name: str, is_named: bool
) -> None:
    """Only named ones make events."""
    (result,) = mapped(open_client, store, name)

    assert bool(result.events) == is_named
    assert result.dropped == (None if is_named else "page_unnamed")


def test_we_are_more_lenient_than_segment_where_it_costs_nothing(open_client: FlaskClient, store: Store) -> None:
    """A number as an id, an empty name, properties as a text, a group without a user: all are of use to Split."""
    results = {name: mapped(open_client, store, name)[-1] for name, _ in with_fact("ingest_error")}

    assert results.keys() == {
        "edge-numeric-userid",
        "edge-empty-name",
        "edge-properties-string",
        "edge-group-only-groupid",
    }
    assert results["edge-numeric-userid"].events[0].key == "12345"
    assert results["edge-empty-name"].dropped == "page_unnamed"
    assert results["edge-properties-string"].events[0].properties == {"a": 1}
    assert results["edge-group-only-groupid"].identities[0].key == "acc-1"


def test_the_context_of_a_batch_is_that_of_each_message(open_client: FlaskClient, store: Store) -> None:
    """And the odd dates of Segment's own example are read."""
    mapped(open_client, store, "http-batch-doc")

    found = stored(store)
    assert {message.fields["context"]["device"]["type"] for message in found} == {"phone"}
    assert {message.fields["timestamp"] for message in found} == {
        "2012-12-02T00:30:08.276Z",
        "2012-12-02T00:30:12.984Z",
        "2015-02-02T00:30:08.276Z",
        "2015-02-02T00:30:12.984Z",
    }


def test_the_documented_pixels_are_taken(open_client: FlaskClient, store: Store) -> None:
    """Segment's two examples, one in Base64 and one in parameters, mean the same event."""
    plain, packed = SAMPLES["pixel-track-unencoded"], SAMPLES["pixel-track-base64"]
    path, _, query = plain["endpoint"].removeprefix("GET ").partition("?")
    encoded = quote(base64.b64encode(orjson.dumps(packed["body"])))

    answers = [open_client.get(f"{path}?{quote(query, safe='=&')}"), open_client.get(f"{path}?data={encoded}")]

    assert [(answer.status_code, answer.mimetype) for answer in answers] == [(200, "image/gif")] * 2
    first, last = (became(found).events[0] for found in stored(store))
    assert first.event_type_id == last.event_type_id == "Email_Opened"
    assert first.properties["subject"] == last.properties["subject"] == "The Electric Daily"
