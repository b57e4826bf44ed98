"""The report says what was seen, and the one in docs/ is of today's scenarios."""

import re
from pathlib import Path

from tests.chaos import report
from tests.chaos.all import SCENARIOS
from tests.chaos.report import Row

ROOT = Path(__file__).parents[2]
HELD = Row("3 kills | lost 0", True, "2026-01-01, long")
BROKE = Row("lost\n1", False, "2026-01-02, long")


def rows(text: str) -> list[list[str]]:
    """Return the cells of a page's table, row by row, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_a_row_says_what_held_and_what_did_not() -> None:
    """Whatever was measured stays one row of the table, in the order of the scenarios."""
    told = rows(report.text({"repeats": BROKE, "kills": HELD}))

    assert [row[2:] for row in told] == [
        ["3 kills \\| lost 0", "yes", "2026-01-01, long"],
        ["lost 1", "**no**", "2026-01-02, long"],
    ]


def test_rows_of_scenarios_that_were_not_run_are_kept() -> None:
    """A page can be renewed scenario by scenario; each row says from which run it is."""
    former = report.text({"kills": HELD, "repeats": HELD})

    told = rows(report.text({"repeats": BROKE}, former))

    assert [row[3] for row in told] == ["yes", "**no**"]


def test_of_several_rounds_the_one_that_failed_is_told() -> None:
    """A later round that held does not hide it."""
    assert HELD.and_then(BROKE).holds is False
    assert BROKE.and_then(HELD) is BROKE
    assert HELD.and_then(HELD).run == "2026-01-01, long; 2026-01-01, long"


def test_the_report_covers_every_scenario_and_all_held() -> None:
    """What docs/proof.md promises is what this ground tries."""
    told = rows((ROOT / "docs" / "proof.md").read_text())

    assert [row[:2] for row in told] == [[s.broken, s.must_hold] for s in SCENARIOS.values()]
    assert {row[3] for row in told} == {"yes"}
    assert [row for row in told if ", long, " not in row[4]] == []


def test_the_readme_quotes_the_report() -> None:
    """What stands between quotation marks among the guarantees was measured."""
    guarantees = (ROOT / "README.md").read_text().partition("## Guarantees")[2].partition("\n## ")[0]
    quotes = re.findall("“([^”]+)”", guarantees)
    proof = (ROOT / "docs" / "proof.md").read_text()

    assert quotes
    assert [quote for quote in quotes if " ".join(quote.split()) not in proof] == []
