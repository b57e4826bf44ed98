"""Text for people: tables, durations, and what reason codes mean."""

import shutil
import sys
import textwrap
from collections.abc import Container, Iterable, Iterator, Sequence

from split_dest.errors import REASONS
from split_dest.terminal import escaped

#: Of what is no terminal: a file or another program, for which no line needs to be folded.
_PIPE_WIDTH = 200
#: Of a terminal that does not say its size, as rich has it.
_TERMINAL_WIDTH = 80
_MAX_CHARS = 60
#: Seconds of a unit, its name, and up to how many seconds it is used.
_UNITS = ((1, "s", 120), (60, "min", 7_200), (3_600, "h", 172_800))
_DAY_SECONDS = 86_400


def width() -> int:
    """Return how many columns a line has: COLUMNS, else those of the terminal."""
    unknown = _TERMINAL_WIDTH if sys.stdout.isatty() else _PIPE_WIDTH
    return shutil.get_terminal_size((unknown, 24)).columns


def table(rows: Sequence[Sequence[str]], *, right: Container[int] = (), gap: int = 1) -> list[str]:
    """Return a line for each row, with aligned columns.

    Args:
        rows: of texts, as many in each row.
        right: the columns that are aligned to the right.
        gap: how many blanks stand between two columns.

    >>> table([("lane", "dead"), ("events", "7")], right=[1])
    ['lane   dead', 'events    7']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    signs = [">" if n in right else "<" for n in range(len(widths))]
    pattern = (" " * gap).join(f"{{:{sign}{wide}}}" for sign, wide in zip(signs, widths, strict=True))
    return [pattern.format(*row).rstrip() for row in rows]


def wrap(text: str, columns: int, indent: int = 4) -> list[str]:
    """Return a text as lines, all but the first one indented; a word is never cut."""
    wrapper = textwrap.TextWrapper(columns, break_long_words=False, break_on_hyphens=False)
    wrapper.subsequent_indent = " " * indent
    return wrapper.wrap(text)


def fit(lines: Iterable[str], columns: int) -> bool:
    """Return whether no line has more columns."""
    return all(len(line) <= columns for line in lines)


def counted(number: int, name: str) -> str:
    """Return a number of things.

    >>> counted(1, "dead letter"), counted(2_000, "dead letter")
    ('1 dead letter', '2,000 dead letters')
    """
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time span in the unit that a person would choose.

    >>> [duration(seconds) for seconds in (0.4, 119, 120, 86_400, 172_800)]
    ['0 s', '119 s', '2 min', '24 h', '2 d']
    """
    for unit_seconds, unit, below_seconds in _UNITS:
        if seconds < below_seconds:
            return f"{seconds // unit_seconds:.0f} {unit}"
    return f"{seconds // _DAY_SECONDS:.0f} d"


def printable(text: str, max_chars: int = _MAX_CHARS) -> str:
    r"""Return a sender's text for a terminal: one line, not too long, and without anything that steers one.

    The streams escape what is written to them, but lines and tabs, of which they can't know the writer; and a text
    must be escaped before it is aligned with others.

    >>> print(printable("Order\x1b[2J Completed"))
    Order\u001b[2J Completed
    """
    if len(text) > max_chars:
        text = text[: max_chars - 1] + "…"
    return escaped(text)


def meaning(code: str) -> str:
    """Return what a reason code means, as one sentence."""
    return REASONS.get(code, "A reason of another version of split-dest.")


def detail(code: str, text: str) -> str:
    """Return the detail of a reason; empty: it only repeats what the code means."""
    return "" if text == meaning(code) else text


def said(code: str, detail_text: str, words: str) -> str:
    """Return the detail of a reason, and what Split or Segment itself said.

    >>> said("record_refused", "POST /events/bulk: 400", "key is empty")
    'POST /events/bulk: 400: key is empty'
    """
    return ": ".join(filter(None, [detail(code, detail_text), words]))


def meanings(codes: Iterable[str], columns: int) -> Iterator[str]:
    """Yield lines that say what each of the codes means."""
    for code in sorted(set(codes)):
        yield from wrap(f"{code}: {meaning(code)}", columns)
