"""The report: each goal with the median of all turns, the least and the most, and what a message costs."""

import re
import statistics
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.goals import GOALS, Figures, Goal

_BEGIN, _END = "<!-- measured -->", "<!-- end -->"
_PART = re.compile(re.escape(_BEGIN) + ".*" + re.escape(_END), re.DOTALL)


def median(goal: Goal, turns: Sequence[Figures]) -> float:
    """Return a goal's median over the turns."""
    return statistics.median(map(goal.of, turns))


def table(turns: Sequence[Figures]) -> str:
    """Return the goals as Markdown."""
    lines = ["| what | goal | median | least | most | reached |", "|---|---|---|---|---|---|"]
    for goal in GOALS:
        values = sorted(map(goal.of, turns))
        middle = statistics.median(values)
        cells = [_text(value, goal.unit) for value in (middle, values[0], values[-1])]
        sign = "≥" if goal.least else "≤"
        reached = "yes" if goal.reached(middle) >= 1 else f"**{goal.reached(middle):.2f} of it**"
        reached += f", {sum(goal.reached(value) >= 1 for value in values)} of {len(values)} turns"
        lines.append(f"| {goal.what} | {sign} {_text(goal.goal, goal.unit)} | {' | '.join(cells)} | {reached} |")
    return "\n".join(lines)


def _text(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def figures(turns: Sequence[Figures]) -> str:
    """Return every figure as Markdown, its median and its bounds."""
    lines = ["| figure | median | least | most |", "|---|---|---|---|"]
    for name in turns[0]:
        values = [turn[name] for turn in turns]
        cells = [_text(value, "") for value in (statistics.median(values), min(values), max(values))]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def has_place(page: str) -> bool:
    """Return whether the page has a part to exchange."""
    return _PART.search(page) is not None


def renewed(page: str, turns: Sequence[Figures], seconds: float, large: int) -> str:
    """Return a page with its measured part exchanged."""
    head = (
        f"- {machine.today()}, {len(turns)} turns, {seconds:.0f} s of load a figure, large backlog {large:,}\n"
        f"- Machine: {machine.described()}\n"
        f"- Versions: {machine.versions()}\n"
    )
    part = f"{_BEGIN}\n{head}\n{table(turns)}\n\n{figures(turns)}\n{_END}"
    return _PART.sub(lambda _: part, page)
