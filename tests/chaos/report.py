"""The report: what was broken, what had to hold, what was measured; on which machine, with which versions."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from split_dest import __version__, embedded_redis
from tests.chaos.scenario import SCENARIOS, Dose

_PACKAGES = ("gunicorn", "flask", "redis", "rq", "marshmallow", "urllib3")


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
        """Gives what two rounds say together: the later one, unless the former one did not hold."""
        if not self.holds:
            return self
        return replace(later, run=f"{self.run}; {later.run}")


def provenance(dose: Dose, seconds: float) -> str:
    """Gives when and how a scenario was run."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    commit = _said("git", "rev-parse", "--short", "HEAD").strip()
    return f"{day}, {'long' if dose.long else 'short'}, {seconds:.0f} s, seed {dose.seed}, commit {commit}"


def text(rows: Mapping[str, Row], former: str = "") -> str:
    """Gives the page as Markdown: rows by their scenarios' names, and those of a former page for all others."""
    kept = {tuple(line.split(" | ")[:2]): line for line in former.splitlines()}
    lines = [
        "# Proof",
        "",
        "Written by `make chaos`; nothing here is typed by hand. Real processes (gunicorn, workers, redis-server,",
        "the stand-in for Split) are broken while numbered messages come, until every one is accounted for.",
        "",
        f"- Machine: {_machine()}",
        f"- Versions: {_versions()}",
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


def _machine() -> str:
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory_kb = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    assert memory_kb is not None
    named = processor[1] if processor else platform.machine()
    memory_gib = int(memory_kb[1]) / 2**20
    return f"{os.cpu_count()} cores ({named}), {memory_gib:.0f} GiB, Linux {platform.release().split('-')[0]}"


def _versions() -> str:
    redis = re.search(r"v=(\S+)", _said(str(embedded_redis.server()), "--version"))
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    python = platform.python_version()
    return f"split-dest {__version__}, Python {python}, redis-server {redis and redis[1]}, {packages}"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
