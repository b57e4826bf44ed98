"""The report: what was broken, what had to hold, what was measured; on which machine, with which versions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks import machine
from tests.chaos.scenario import SCENARIOS, Dose


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario's outcome: what was measured, or what did not hold; and from which run it is."""

    measured: str
    holds: bool
    run: str

    def __str__(self) -> str:
        cells = (self.measured, "yes" if self.holds else "**no**", self.run)
        return " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells)

    def and_then(self, later: "Row") -> "Row":
        """Return what two rounds say together: the later one, unless the former one did not hold."""
        if not self.holds:
            return self
        return replace(later, run=f"{self.run}; {later.run}")


def provenance(dose: Dose, seconds: float) -> str:
    """Return when and how a scenario was run."""
    day, commit = machine.today().split(", ")
    return f"{day}, {'long' if dose.long else 'short'}, {seconds:.0f} s, seed {dose.seed}, {commit}"


def text(rows: Mapping[str, Row], former: str = "") -> str:
    """Return the page as Markdown: rows by their scenarios' names, and those of a former page for all others."""
    kept = {tuple(line.split(" | ")[:2]): line for line in former.splitlines()}
    lines = [
        "# Proof",
        "",
        "`make chaos` writes this page; nothing here is typed by hand. It breaks real processes (gunicorn,",
        "workers, redis-server, the sandbox) while numbered messages arrive, until each is accounted for.",
        "",
        f"- Machine of the latest rows: {machine.described()}",
        f"- Versions of the latest rows: {machine.versions()}",
        "",
        "| broken | must hold | measured | holds | run |",
        "|---|---|---|---|---|",
    ]
    for name, scenario in SCENARIOS.items():
        head = f"| {scenario.broken}", scenario.must_hold
        if name in rows:
            row = rows[name]
            cells = (row.measured, "yes" if row.holds else "**no**", row.run)
            lines.append(
                " | ".join([*head, *(" ".join(cell.split()).replace("|", "\\|") for cell in cells)]) + " |"
            )
        elif head in kept:
            lines.append(kept[head])
    return "\n".join([*lines, ""])
