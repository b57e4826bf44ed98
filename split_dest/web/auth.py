"""Authentication: the Authorization header and, where the settings ask for it, the signature."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from split_dest.config.settings import Secret
from split_dest.errors import RequestRefused
from split_dest.segment.signature import is_signed


def authenticate(shown: Sequence[str], secrets: Sequence[Secret]) -> None:
    """Ensure that the request holds one of the secrets.

    A secret may stand alone, after ``Bearer``, or be the user name or password of ``Basic``. Each is compared in
    constant time.

    Args:
        shown: the texts that may hold a secret, such as the Authorization header as WSGI gives it (Latin-1).
        secrets: the accepted ones.

    Raises:
        RequestRefused: 401 ``unauthorized``.
    """
    # Nearly all senders send the secret alone.
    if _is_one_of([text.encode("latin-1", "replace") for text in shown if text], secrets):
        return
    # A secret beyond ASCII may have been sent as UTF-8 or Latin-1; WSGI reads both as Latin-1.
    written = {text.encode(code, "replace") for text in shown if text for code in ("latin-1", "utf-8")}
    if not _is_one_of([reading for each in written for reading in _readings(each)], secrets):
        raise RequestRefused(401, "unauthorized")


def _is_one_of(readings: Iterable[bytes], secrets: Sequence[Secret]) -> bool:
    # A list, so that timing does not reveal which one matched.
    matches = [
        hmac.compare_digest(reading, secret.reveal().encode()) for reading in readings for secret in secrets
    ]
    return any(matches)


def write_key(header: str) -> str | None:
    """Return the write key of an Authorization header, the user name of ``Basic``; None if there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    user = next(iter(_basic(encoded.strip().encode("latin-1", "replace"))), b"")
    return user.decode("utf-8", "replace") or None


def check_signature(signature: str, body: bytes, secrets: Sequence[Secret]) -> None:
    """Ensure that one of the secrets signed the body.

    Raises:
        RequestRefused: 401 ``bad_signature``.
    """
    if not is_signed(body, signature, [secret.reveal() for secret in secrets]):
        raise RequestRefused(401, "bad_signature")


def _readings(header: bytes) -> Iterable[bytes]:
    yield header
    scheme, _, rest = header.partition(b" ")
    if scheme.lower() == b"bearer":
        yield rest.strip()
    if scheme.lower() == b"basic":
        yield from _basic(rest.strip())


def _basic(encoded: bytes) -> Iterable[bytes]:
    try:
        pair = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return
    user, _, password = pair.partition(b":")
    # The last reading is for a secret that contains a colon.
    yield from (user, password, pair.removesuffix(b":"))
