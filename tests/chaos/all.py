"""All scenarios, in the order of the report."""

from tests.chaos import clocks, hosts, processes, repeats, rolling
from tests.chaos.scenario import SCENARIOS

__all__ = ["SCENARIOS", "clocks", "hosts", "processes", "repeats", "rolling"]
