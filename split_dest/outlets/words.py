"""What Split or Segment says of a refusal, for people who have to act; it may quote what we sent, but no key."""

import base64
import re
from collections.abc import Iterator, Mapping

_MAX_BYTES = 500
#: More would be cleaned only to be cut off again.
_CLEANED_CHARS = 20_000
_KEY_HEADERS = ("Authorization", "x-api-key")
_HIDDEN = "****"


def words_of(body: bytes, headers: Mapping[str, str]) -> str:
    r"""Return the first 500 bytes of an answer's text: one line of printable characters, without the call's key.

    Args:
        body: the answer's, inflated.
        headers: those of the call, which carry the key.

    >>> words_of(b'{"message": "no right with k-1"}\n', {"Authorization": "Bearer k-1"})
    '{"message": "no right with ****"}'
    """
    text = body.decode(errors="replace")
    for key in sorted(_keys(headers), key=len, reverse=True):
        text = re.sub(re.escape(key), _HIDDEN, text, flags=re.IGNORECASE)
    clean = "".join(char if char.isprintable() else " " for char in text[:_CLEANED_CHARS])
    return " ".join(clean.split()).encode()[:_MAX_BYTES].decode(errors="ignore")


def _keys(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the forms in which an answer may quote the key."""
    for name in _KEY_HEADERS:
        key = headers.get(name, "").rpartition(" ")[2]
        if key:
            yield key
        if headers.get(name, "").startswith("Basic "):
            yield base64.b64decode(key).decode().rstrip(":")
