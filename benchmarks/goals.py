"""The goals: what is measured, and how much it shall be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table.

    ``of`` gives the value from a turn's figures. ``least``: it shall be at least ``goal``, else at most.
    ``is_ratio``: both of its sides were measured in the same turn, so that it holds on any machine.
    """

    what: str
    goal: float
    of: Callable[[Figures], float]
    unit: str = ""
    least: bool = True
    is_ratio: bool = False

    def reached(self, value: float) -> float:
        """Gives how much of the goal a value is; 1 or more: it is reached."""
        return value / self.goal if self.least else self.goal / value


def _figure(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name]


def _ratio(one: str, other: str) -> Callable[[Figures], float]:
    return lambda figures: figures[one] / figures[other]


def _flatness(figures: Figures) -> float:
    costs = [figures[f"cpu_us_{processes}"] for processes in (1, 2, 4)]
    return max(costs) / min(costs)


GOALS = (
    Goal("one message a request, of `bare`", 0.75, _ratio("door_service", "door_bare"), is_ratio=True),
    Goal("one message a request, of `naive`", 2, _ratio("door_service", "door_naive"), is_ratio=True),
    Goal("messages, 100 a request, of one a request", 20, _ratio("door_hundreds", "door_service"), is_ratio=True),
    Goal("door to Split, sustained, of `naive`", 20, _ratio("through_service", "through_naive"), is_ratio=True),
    Goal("drain of a backlog, one worker process", 25_000, _figure("drain_large"), "messages/s"),
    Goal("drain of the large backlog, of 10,000", 0.9, _ratio("drain_large", "drain_small"), is_ratio=True),
    Goal("worker's memory at its most", 150, _figure("drain_most_mb"), "MB", least=False),
    Goal("door to Split at 300 messages a second, median", 50, _figure("age_p50_ms"), "ms", least=False),
    Goal("door to Split at 300 messages a second, 99th percentile", 250, _figure("age_p99_ms"), "ms", least=False),
    Goal("the door at half its capacity, 99th percentile", 25, _figure("door_half_p99_ms"), "ms", least=False),
    Goal("Redis, of a waiting message's JSON", 1.3, _figure("redis_bytes"), least=False, is_ratio=True),
    Goal("CPU time a message, 1 to 4 workers, largest of smallest", 1.1, _flatness, least=False, is_ratio=True),
    Goal("cold start of `python -m workers`", 1.0, _figure("start_workers_seconds"), "s", least=False),
    Goal("cold start of `split-dest preview`", 0.4, _figure("start_preview_seconds"), "s", least=False),
)
