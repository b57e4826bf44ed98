"""What a proof consists of: things that are broken, what must hold, and how much of it is tried."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dose:
    """How much is tried: the long form for a report, the short one for the suite; and the seed of all chance."""

    seed: int
    long: bool = False

    def of(self, short: T, long: T) -> T:
        """Return one or the other."""
        return long if self.long else short

    def chance(self) -> random.Random:
        """Return a generator that begins at the seed."""
        return random.Random(self.seed)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the report. *run* gets an empty folder and a dose, and gives what was measured.

    It raises AssertionError, with what was seen, if something does not hold. *lacks* says why it can't run on this
    machine; nothing: it can.
    """

    broken: str
    must_hold: str
    run: Callable[[Path, Dose], str]
    lacks: Callable[[], str] = str

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.run.__name__


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    broken: str, must_hold: str, lacks: Callable[[], str] = str
) -> Callable[[Callable[[Path, Dose], str]], Callable[[Path, Dose], str]]:
    """Add a function to the scenarios; they stand in the report in the order in which they are imported."""

    def add(run: Callable[[Path, Dose], str]) -> Callable[[Path, Dose], str]:
        found = Scenario(broken, must_hold, run, lacks)
        SCENARIOS[found.name] = found
        return run

    return add
