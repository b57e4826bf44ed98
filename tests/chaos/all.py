"""All scenarios, in the order of the report."""

from tests.chaos import processes, redis_stops, redis_full, failovers, repeats  # noqa: I001
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS", "failovers", "processes", "redis_full", "redis_stops", "repeats"]
