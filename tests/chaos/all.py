"""All scenarios, in the order of the report."""

from tests.chaos import failovers, processes, repeats
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS", "failovers", "processes", "repeats"]
