"""All scenarios, in the order of the report."""

# Each of these adds its scenarios.
from tests.chaos import processes, redis_stops, redis_full, failovers  # noqa: F401, I001
from tests.chaos import refusals, spread, neighbour, poison, rolling, repeats, clocks, hosts, claims, strangers  # noqa: F401
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS"]
