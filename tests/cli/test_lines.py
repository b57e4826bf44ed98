"""The steps of a file: whole lines, at most a thousand messages and a megabyte, or one line."""

import pytest

from split_dest.cli.lines import Line, opened, steps
from split_dest.mapping.acceptance import Item


def cut(sizes, max_items=1000, items=1):
    """Return the last line and the number of items of each step of lines that hold items of these sizes."""
    lines = [Line(number, b"x", 1) for number, _ in enumerate(sizes, 1)]

    def items_of(line):
        return [Item(("events",), "m", b"x" * sizes[line.number - 1])] * items

    return [(step.after, step.line, len(step.items)) for step in steps(lines, 0, max_items, items_of)]


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([], []),
        ([10] * 2500, [(0, 1000, 1000), (1000, 2000, 1000), (2000, 2500, 500)]),
        ([1000] * 1000, [(0, 1000, 1000)]),
        ([1001] * 1000, [(0, 999, 999), (999, 1000, 1)]),
        ([400_000] * 5, [(0, 2, 2), (2, 4, 2), (4, 5, 1)]),
        ([10, 3_000_000, 10, 10], [(0, 1, 1), (1, 2, 1), (2, 4, 2)]),
    ],
)
def test_a_step_ends_at_a_thousand_messages_or_a_megabyte(sizes, wanted):
    """Redis does nothing else meanwhile."""
    assert cut(sizes) == wanted


def test_a_line_is_never_cut(tmp_path):
    """A bookmark counts lines, so a line of many messages is one step, however large."""
    assert cut([400_000, 10, 10], items=4) == [(0, 1, 4), (1, 3, 8)]
    assert cut([10] * 3, max_items=2, items=3) == [(0, 1, 3), (1, 2, 3), (2, 3, 3)]


def test_a_line_that_is_cut_is_known_by_all_of_it(tmp_path):
    """Its length and its digest are those of the whole line."""
    beginning, file = b"[" + b" " * 200_000, tmp_path / "messages.jsonl"
    file.write_bytes(beginning + b"1]\n" + beginning + b"2]\n" + beginning + b"1]\n[3]")

    with opened(file) as source:
        lines = list(source.lines(100_000))

    assert [line.length for line in lines] == [200_004] * 3 + [3]
    assert len({line.text for line in lines}) == 2
    assert len({line.digest for line in lines}) == 3
    assert (lines[0].digest, lines[3].digest) == (lines[2].digest, b"")
