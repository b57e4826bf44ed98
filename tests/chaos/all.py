"""All scenarios, in the order of the report."""

from tests.chaos import clocks, processes, repeats, rolling
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS", "clocks", "processes", "repeats", "rolling"]
