"""Everything that real senders post, signatures included."""

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest.config.settings import Secret, Settings
from split_dest.inbox import dead_letters
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import TRACK, post


def samples() -> list[dict[str, Any]]:
    """Return the samples of what Segment's senders post."""
    text = (Path(__file__).parents[1] / "data" / "segment_messages.jsonl").read_text()
    return [orjson.loads(line) for line in text.split("\n") if line]


@pytest.mark.parametrize("sample", [s for s in samples() if s["body"] is not None], ids=lambda s: s["id"])
def test_every_sample_is_acknowledged(client: FlaskClient, store: Store, sample: dict[str, Any]) -> None:
    """Everything that real senders post is taken; only what Segment itself calls malformed is set aside."""
    body = sample.get("raw_body", "").encode() or orjson.dumps(sample["body"])
    count = len(sample["body"]["batch"]) if "batch" in sample["body"] else 1
    error = (sample["facts"] or {}).get("ingest_error") if sample.get("facts") else None
    kept_aside = int(error == "properties_not_object")

    answer = post(client, body, headers=header_of(sample))

    assert answer.get_json() == {
        "success": True,
        "accepted": count - kept_aside,
        "duplicates": 0,
        "set_aside": kept_aside,
    }
    assert [letter.reason for letter in dead_letters.browse(store, "web")] == [error] * kept_aside


def header_of(sample: dict[str, Any]) -> dict[str, str]:
    """Return a sample's headers but for those that only speak of its encoding and secret."""
    left_out = ("Authorization", "Content-Encoding", "Transfer-Encoding")
    return {name: value for name, value in (sample.get("headers") or {}).items() if name not in left_out}


@pytest.mark.parametrize("sample", [s for s in samples() if s["id"].startswith("sig-")], ids=lambda s: s["id"])
def test_the_signed_samples_need_their_signature(settings: Settings, store: Store, sample: dict[str, Any]) -> None:
    """Where signature secrets are set, the sample's own signature opens and any other does not."""
    secret = Secret(sample["facts"]["secret"])
    signed = replace(settings.destinations["web"], signature_secrets=(secret,))
    body = sample["raw_body"].encode()

    with create_app(replace(settings, destinations={"web": signed})).test_client() as client:
        refused = [post(client, body, headers=h) for h in ({}, {"X-Signature": "0" * 40}, {"X-Signature": "\xff"})]
        answer = post(client, body, headers={"X-Signature": sample["headers"]["X-Signature"]})

    assert [(r.status_code, r.get_json()["code"]) for r in refused] == [(401, "bad_signature")] * 3
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (b'[{"v":1.0,"u":"\xc3\xa9"},{"v":2}]', b'{"v":1.0,"u":"\xc3\xa9"}'),
        (b'[ {"v":-0} , {"v":2}]', b'{"v":-0}'),
        (b'[{"json":{"v":1e-7}},{"json":{"v":2}}]', b'{"v":1e-7}'),
        (b'[{"v":1},{"v":2}]', b'[{"v":1},{"v":2}]'),
    ],
    ids=["first", "spaces", "wrapped", "whole"],
)
def test_a_batch_may_be_signed_whole_or_by_its_first_message(
    client: FlaskClient, body: bytes, signed: bytes
) -> None:
    """Segment signs the raw text of a batch's first message; it may come to sign the whole."""
    signature = hmac.new(b"abc123", signed, hashlib.sha1).hexdigest()

    answer = post(client, body, "/webhook/signed", headers={"X-Signature": signature})

    assert answer.status_code == 200


def test_a_signature_alone_opens_nothing(client: FlaskClient) -> None:
    """The tail of a signed batch is not protected, so the Authorization secret is asked for as well."""
    signature = hmac.new(b"abc123", orjson.dumps(TRACK), hashlib.sha1).hexdigest()

    headers = {"X-Signature": signature, "Authorization": "wrong"}
    answer = post(client, TRACK, "/webhook/signed", headers=headers)

    assert answer.status_code == 401
