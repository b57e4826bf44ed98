"""Who knocks: the Authorization header, and the signature where one is asked for."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from split_dest.config.settings import Secret
from split_dest.errors import RequestRefused
from split_dest.segment.signature import is_signed


def authenticate(shown: Sequence[str], secrets: Sequence[Secret]) -> None:
    """Ensure that one of the secrets was shown.

    It may stand there verbatim, as ``Bearer <secret>``, or as the user name or the password of ``Basic``. Each is
    compared in constant time.

    Args:
        shown: where a secret may stand, such as the Authorization header as WSGI gives it, that is, in Latin-1;
            an empty one shows none.
        secrets: those that open the door.

    Raises:
        RequestRefused: 401 ``unauthorized``.
    """
    # What nearly all show is a secret alone.
    if _is_one_of([text.encode("latin-1", "replace") for text in shown if text], secrets):
        return
    # A sender may have written a secret beyond ASCII in UTF-8 or in Latin-1; WSGI reads either as Latin-1.
    written = {text.encode(code, "replace") for text in shown if text for code in ("latin-1", "utf-8")}
    if not _is_one_of([reading for each in written for reading in _readings(each)], secrets):
        raise RequestRefused(401, "unauthorized")


def _is_one_of(readings: Iterable[bytes], secrets: Sequence[Secret]) -> bool:
    # A list, so that time does not tell which of them matched.
    matches = [
        hmac.compare_digest(reading, secret.reveal().encode()) for reading in readings for secret in secrets
    ]
    return any(matches)


def write_key(header: str) -> str | None:
    """Return the write key of an Authorization header: the user name of ``Basic``; None: it names none."""
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
    # The last reading is for a secret that itself holds a colon.
    yield from (user, password, pair.removesuffix(b":"))
