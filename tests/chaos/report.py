"""The report: what was broken, what had to hold, what was measured; on which machine, with which versions."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from split_dest import __version__, embedded_redis
from tests.chaos.scenario import Scenario

_PACKAGES = ("gunicorn", "flask", "redis", "rq", "marshmallow", "urllib3")


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario's outcome: what was measured, or what did not hold."""

    scenario: Scenario
    measured: str
    holds: bool

    def worse(self, other: "Row") -> "Row":
        """Gives the one of two that speaks against the service; the later one if neither does."""
        return self if not self.holds else other

    def __str__(self) -> str:
        cells = (self.scenario.broken, self.scenario.must_hold, self.measured, "yes" if self.holds else "**no**")
        return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def text(rows: list[Row], *, seed: int, rounds: int, seconds: float) -> str:
    """Gives the page as Markdown."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [
        "# Proof",
        "",
        "Written by `make chaos`; nothing here is typed by hand. Real processes (gunicorn, workers, redis-server,",
        "the stand-in for Split) are broken while numbered messages come, until every one is accounted for.",
        "",
        f"- When: {day}, {seconds / 60:.0f} minutes, rounds {rounds}, seed {seed}, commit {_commit()}",
        f"- Machine: {_machine()}",
        f"- Versions: {_versions()}",
        "",
        "| broken | must hold | measured | holds |",
        "|---|---|---|---|",
        *map(str, rows),
        "",
    ]
    return "\n".join(lines)


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


def _commit() -> str:
    return _said("git", "rev-parse", "--short", "HEAD").strip() or "unknown"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
