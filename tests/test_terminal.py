"""What a stranger wrote reaches a terminal as text alone: the one function, and the streams that call it."""

import io
import logging
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest import logs, terminal
from split_dest.terminal import escaped

#: Control characters, DEL, C1, marks and overrides of direction, separators, what has no width, tags.
HOSTILE = [
    *(chr(code) for code in [*range(32), *range(0x7F, 0xA0)]),
    *"\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e",
    *"\u2060\u2061\u2066\u2067\u2068\u2069\u206a\u206f\ufeff\ufff9\U000e0001\U000e0041\ue000\uffff\ud800",
]
KINDS = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")


@pytest.mark.parametrize("char", HOSTILE, ids=lambda char: f"U+{ord(char):04X}")
def test_a_character_that_steers_is_written_as_json_does(char: str) -> None:
    """As four digits behind a backslash and a u, or a pair of them."""
    shown = escaped(f"a{char}b")

    assert shown.isascii()
    assert shown.isprintable()
    assert orjson.loads(f'"{shown}"') == f"a{char}b" if char != "\ud800" else shown == r"a\ud800b"


def test_plain_text_stays_as_it_is() -> None:
    """Of any script."""
    for text in ("", "Order Completed", "größer", "日本語", "العربية", "e\u0301", "🙂", 'a "quoted" \\u202e'):
        assert escaped(text) == text


def test_lines_stay_only_where_they_are_ours() -> None:
    """A sender's text has one line."""
    assert escaped("a\nb\tc") == r"a\u000ab\u0009c"
    assert escaped("a\nb\tc\r", keep="\n\t") == "a\nb\tc\\u000d"


@given(value=st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_means_the_same_afterwards(value: object) -> None:
    """Escaped or not, it is the same value; and nothing in it is invisible."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:
        return

    shown = escaped(text, keep="\n")

    assert orjson.loads(shown) == value
    assert not any(unicodedata.category(char) in KINDS for char in shown.replace("\n", ""))


@contextmanager
def escaping() -> Iterator[io.TextIOWrapper]:
    """Let this process's streams be one that can be read, which escapes what is written to it."""
    kept = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    former = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = kept
    try:
        with terminal.escaping():
            yield kept
        assert sys.stdout is sys.stderr is kept
    finally:
        sys.stdout, sys.stderr = former


def said(stream: io.TextIOWrapper) -> str:
    """Return what has arrived there."""
    stream.flush()
    raw: io.BytesIO = stream.buffer  # type: ignore[assignment]
    return raw.getvalue().decode()


@pytest.mark.parametrize(
    "write",
    [
        lambda text: print(text),
        lambda text: sys.stdout.write(text + "\n"),
        lambda text: sys.stdout.buffer.write((text + "\n").encode()),
        lambda text: print(text, file=sys.stderr),
    ],
)
def test_every_way_to_write_is_escaped(write: Callable[[str], object]) -> None:
    """So that a command can't forget it."""
    with escaping() as stream:
        write("a\x9bb\u202ec")

    assert said(stream) == "a\\u009bb\\u202ec\n"


def test_our_own_colours_go_around_it() -> None:
    """They must be kept apart from what others wrote."""
    with escaping() as stream:
        terminal.unescaped(sys.stdout).write("\x1b[31mred\x1b[0m")

    assert said(stream) == "\x1b[31mred\x1b[0m"
    assert terminal.unescaped(stream) is stream


def test_a_log_line_is_escaped() -> None:
    """It is read in terminals, and stays JSON."""
    hostile = "".join(HOSTILE[:-1])
    record = logging.LogRecord("split_dest", logging.INFO, "", 0, "lane_paused", None, None)
    setattr(record, logs._FIELDS, {"detail": hostile})

    line = logs.JsonFormatter().format(record)

    assert line.isprintable()
    assert orjson.loads(line)["detail"] == hostile
