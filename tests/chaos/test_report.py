"""The report says what was seen, and the one in docs/ is of today's scenarios."""

import re
from pathlib import Path

from tests.chaos import report
from tests.chaos.all import SCENARIOS
from tests.chaos.report import Row

ROOT = Path(__file__).parents[2]
HELD = Row(SCENARIOS["kills"], "3 kills | lost 0", True)
BROKE = Row(SCENARIOS["kills"], "lost\n1", False)


def rows(text: str) -> list[list[str]]:
    """Gives the cells of a page's table, row by row, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_a_row_says_what_held_and_what_did_not() -> None:
    """Whatever was measured stays one row of the table."""
    page = report.text([HELD, BROKE], seed=7, rounds=1, seconds=90)

    assert [row[2:] for row in rows(page)] == [["3 kills \\| lost 0", "yes"], ["lost 1", "**no**"]]
    assert "seed 7" in page


def test_of_several_rounds_the_one_that_failed_is_told() -> None:
    """A later round that held does not hide it."""
    assert HELD.worse(BROKE) is BROKE
    assert BROKE.worse(HELD) is BROKE


def test_the_report_covers_every_scenario_and_all_held() -> None:
    """What docs/proof.md promises is what this ground tries."""
    told = rows((ROOT / "docs" / "proof.md").read_text())

    assert [row[:2] for row in told] == [[s.broken, s.must_hold] for s in SCENARIOS.values()]
    assert {row[3] for row in told} == {"yes"}
