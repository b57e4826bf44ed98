"""Segment's ``X-Signature``: HMAC-SHA1 over the raw text, in lower-case hex."""

import hashlib
import hmac
from collections.abc import Sequence

from split_dest.segment import payload


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Return whether one of the secrets signed the raw body or, for an array, its first element.

    Every pair is compared, each in constant time, so that the time taken reveals nothing.

    Args:
        body: the request's body as it came, inflated.
        signature: the header's value.
        secrets: the shared secrets that are accepted.

    Source:
        action-destinations, webhook/index.ts; segment-docs, connections/destinations/catalog/webhooks.
    """
    received = signature.strip().encode("utf-8", "surrogateescape")
    texts = payload.signed_texts(body)
    matches = [hmac.compare_digest(_signature(secret, text), received) for secret in secrets for text in texts]
    return any(matches)


def _signature(secret: str, text: bytes) -> bytes:
    return hmac.new(secret.encode(), text, hashlib.sha1).hexdigest().encode()
