"""Bodies over a megabyte that could cost much are not parsed: giants are set aside, heaps of marks refused."""

import pytest

from split_dest.errors import RequestRefused
from split_dest.segment import payload
from split_dest.segment.payload import Unreadable, messages

GIANT = b"{" + b",".join(b'"key %d":1' % n for n in range(250_000)) + b"}"
MARKS = [
    *(b"[" * 1_200_000, b'"' * 1_200_000, b"," * 1_200_000),
    *(b'["",' * 300_000, b"[]," * 400_000, b'{"":' * 300_000),
]


@pytest.mark.parametrize(
    "form", [b"%b", b"\xef\xbb\xbf%b", b" [%b]", b'[{"type":"track"},%b]', b'{"batch":[{"type":"track"},%b]}']
)
def test_a_giant_is_set_aside_and_its_neighbours_are_read(form: bytes) -> None:
    """Whatever it holds, and whatever stands beside it."""
    *others, giant = messages(form % GIANT)

    assert isinstance(giant, Unreadable)
    assert (giant.text, giant.rejection.code) == (GIANT, "message_too_large")
    assert others == [{"type": "track"}] * len(others)


@pytest.mark.parametrize("body", [*MARKS, b" " * 1_200_000 + b"1", b"[" + GIANT, b"[" + GIANT + b"}"])
def test_a_large_body_that_is_no_json_is_refused(body: bytes) -> None:
    """Marks side by side, scalars, and arrays that never end."""
    with pytest.raises(RequestRefused) as caught:
        messages(body)

    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


def test_too_many_are_refused_before_they_are_all_cut() -> None:
    """The limit holds for a body of which no message is looked at."""
    with pytest.raises(RequestRefused) as caught:
        messages(b"[" + b"10," * 500_000 + b"0]", payload.MAX_MESSAGES)

    assert (caught.value.status, caught.value.code) == (413, "too_many_messages")
