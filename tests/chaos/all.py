"""All scenarios, in the order of the report."""

from tests.chaos import neighbour, poison, processes, refusals, repeats, spread
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS", "neighbour", "poison", "processes", "refusals", "repeats", "spread"]
