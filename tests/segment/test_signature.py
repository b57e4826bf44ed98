"""Segment's signature of a body, its first event, or the event inside a wrapper."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.segment.payload import signed_texts
from split_dest.segment.signature import is_signed
from tests.support.samples import SAMPLES
from tests.support.strategies import objects

VECTORS = {name: sample for name, sample in SAMPLES.items() if name.startswith("sig-")}

#: Written by JSON.stringify of Node 20: 1.0 became 1, -0 became 0, 1e-7 stayed, whole-number names came first,
#: 12345678901234567890 was rounded, U+2028 stayed bare. Signed by its crypto module with the secret abc123.
EVENT = (
    '{"type":"track","event":"Köp 🛒","properties":{"9":"nine","10":"ten","price":1,"zero":0,"small":1e-7,'
    '"big":12345678901234567000,"line":"a\u2028b\u2029c","quote":"\\"\\\\]},[{","lone":"😀"}}'
)
PAGE = '{"type":"page","name":"Home"}'
EVENT_SIGNATURE = "2e7a2be5bbb78c2d5c558d8174e5879fb0cdba24"
BATCH_SIGNATURE = "0dffd723412544e5dbf881ea5e09155abf39995e"
WRAPPED_SIGNATURE = "446f161f0fc62f2a0492eba99ad70ef5929bdf49"
EMPTY_SIGNATURE = "1e7c7e2148e2d09529166671834c64c2b23a02e7"


def sign(secret: str, text: bytes) -> str:
    """Return the signature as Segment makes it."""
    return hmac.new(secret.encode(), text, hashlib.sha1).hexdigest()


@pytest.mark.parametrize("name", VECTORS)
def test_recorded_vectors_are_right(name: str):
    """The exact body that was signed is accepted, and no other secret's."""
    vector = VECTORS[name]
    body, signature = vector["raw_body"].encode(), vector["headers"]["X-Signature"]

    assert is_signed(body, signature, [vector["facts"]["secret"]])
    assert not is_signed(body, signature, ["another"])


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (EVENT, EVENT_SIGNATURE),
        (f"[{EVENT}]", EVENT_SIGNATURE),
        (f"[{EVENT},{PAGE}]", EVENT_SIGNATURE),
        (f" [ \r\n{EVENT}\t, {PAGE} ] ", EVENT_SIGNATURE),
        (f"[{EVENT},{PAGE}]", BATCH_SIGNATURE),
        (f'[{{"json":{EVENT}}},{{"json":{PAGE}}}]', EVENT_SIGNATURE),
        (f'[{{ "json" : {EVENT} }}]', EVENT_SIGNATURE),
        (f'[{{"json":{EVENT}}},{{"json":{PAGE}}}]', WRAPPED_SIGNATURE),
        ("{}", EMPTY_SIGNATURE),
        ("[{},1]", EMPTY_SIGNATURE),
        (EVENT, f" {EVENT_SIGNATURE}\n"),
    ],
)
def test_node_signs_the_body_its_first_event_or_the_wrapped_one(body: str, signature: str):
    """Segment signs one event, the first of a batch, or perhaps the whole batch: each is accepted."""
    assert is_signed(body.encode(), signature, ["abc123"])


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (f"[{PAGE},{EVENT}]", EVENT_SIGNATURE),
        (f"[[{EVENT}]]", EVENT_SIGNATURE),
        (f'{{"batch":[{EVENT}]}}', EVENT_SIGNATURE),
        (f'{{"json":{EVENT}}}', EVENT_SIGNATURE),
        (EVENT + " ", EVENT_SIGNATURE),
        (EVENT.replace('"price":1', '"price":1.0'), EVENT_SIGNATURE),
        (EVENT.replace('"zero":0', '"zero":-0'), EVENT_SIGNATURE),
        (EVENT.replace("1e-7", "1e-07"), EVENT_SIGNATURE),
        (EVENT.replace("\u2028", "\\u2028"), EVENT_SIGNATURE),
        (json.dumps(json.loads(EVENT)), EVENT_SIGNATURE),
        (EVENT, EVENT_SIGNATURE[:-1]),
        (EVENT, "sha1=" + EVENT_SIGNATURE),
        (EVENT, ""),
        (EVENT, "é\udcff"),
        ("", EVENT_SIGNATURE),
        ("[", EVENT_SIGNATURE),
    ],
)
def test_any_other_text_or_signature_is_wrong(body: str, signature: str):
    """Only the exact bytes that were signed count: a number written differently is another text."""
    assert not is_signed(body.encode(), signature, ["abc123"])


def test_one_of_several_secrets_is_enough():
    """A secret can be replaced while the old one is still in use; without any, nothing is signed."""
    body = EVENT.encode()

    assert is_signed(body, EVENT_SIGNATURE, ["new", "abc123"])
    assert not is_signed(body, EVENT_SIGNATURE, ["new", "newer"])
    assert not is_signed(body, EVENT_SIGNATURE, [])


@pytest.mark.parametrize(
    "body",
    [b"[{}", b"[" * 100_000, b'["\xff', b'[{"json":{}', b'[{"a":1}x', b'[{"json":{]}', b"[]]", b"\xff", b"[{}}"],
)
def test_a_broken_body_is_signed_as_a_whole(body: bytes):
    """Checking the signature of a broken body doesn't fail, and the signature of the whole body is accepted."""
    assert is_signed(body, sign("s", body), ["s"])
    assert not is_signed(body, sign("t", body), ["s"])


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"{}", [b"{}"]),
        (b"[]", [b"[]", b""]),
        (b"[1,2]", [b"[1,2]", b"1"]),
        (b'[{"a":1}]', [b'[{"a":1}]', b'{"a":1}']),
        (b'[{"json":1}]', [b'[{"json":1}]', b'{"json":1}', b"1"]),
        (b'["\xff",', [b'["\xff",', b'"\xff"']),
    ],
)
def test_few_texts_may_have_been_signed(body: bytes, texts: list[bytes]):
    """At most three texts may have been signed, for each is one more that a sender may forge."""
    assert signed_texts(body) == texts


@given(st.lists(objects, min_size=1, max_size=3), st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_the_first_event_of_any_batch_can_be_signed(
    events: list[dict[str, Any]], indent: int | None, ascii_only: bool, wrapped: bool
):
    """The signature of a batch's first event is accepted, and that of any other event is not."""
    written = [json.dumps(event, indent=indent, ensure_ascii=ascii_only).encode() for event in events]
    body = b"[" + b" ,".join(b'{"json": %b}' % text if wrapped else text for text in written) + b"]"

    signed = [is_signed(body, sign("s", text), ["s"]) for text in written]

    assert signed == [text == written[0] for text in written]
