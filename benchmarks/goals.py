"""The goals: what is measured, and how much it should be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table.

    ``of`` gives the value from a turn's figures. ``least``: it should be at least ``goal``, else at most.
    ``floor``: a run that reaches less of the goal fails; None: it is no ratio of two things measured in the same
    turn, so it depends on the machine.
    """

    what: str
    goal: float
    of: Callable[[Figures], float]
    unit: str = ""
    least: bool = True
    floor: float | None = None

    def is_failed(self, value: float) -> bool:
        """Return whether a value fails the run."""
        return self.floor is not None and self.reached(value) < self.floor

    def reached(self, value: float) -> float:
        """Return how much of the goal a value is; 1 or more: it is reached."""
        return value / self.goal if self.least else self.goal / max(value, 1e-9)


def _figure(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name]


def _ratio(one: str, other: str) -> Callable[[Figures], float]:
    return lambda figures: figures[one] / figures[other]


def _flatness(figures: Figures) -> float:
    costs = [figures[f"cpu_us_{processes}"] for processes in (1, 2, 4)]
    return max(costs) / min(costs)


#: The rest is for machines that others use as well.
_Compared = partial(Goal, floor=0.8)
GOALS = (
    _Compared("one message a request, of `bare`", 0.65, _ratio("door_service", "door_bare")),
    Goal(
        "one message a request, of `bare` under gunicorn's threads",
        0.75,
        _ratio("door_service", "door_bare_threads"),
    ),
    # Single turns of one afternoon were between 1.95 and 2.8, and of the next row between 0.16 and 0.32.
    _Compared("one message a request, of `naive`", 2.5, _ratio("door_service", "door_naive"), floor=0.6),
    _Compared(
        "messages, 100 a request, of `bare`", 0.25, _ratio("door_hundreds", "door_bare_hundreds"), floor=0.5
    ),
    _Compared("endpoint to Split, sustained, of `naive`", 20, _ratio("through_service", "through_naive")),
    # The host may let a worker stand still for a second.
    _Compared(
        "what waits grows by meanwhile, of what is posted",
        0.05,
        _figure("through_growth"),
        least=False,
        floor=0.2,
    ),
    Goal("drain of a backlog, one worker process", 25_000, _figure("drain_large"), "messages/s"),
    _Compared("drain of the large backlog, of 10,000", 0.9, _ratio("drain_large", "drain_small")),
    Goal("worker's memory at its most", 150, _figure("drain_large_mb"), "MB", least=False),
    _Compared(
        "worker's memory, of the large backlog to that of 10,000",
        1.1,
        _ratio("drain_large_mb", "drain_small_mb"),
        least=False,
    ),
    Goal("endpoint to Split at 300 messages a second, median", 50, _figure("age_p50_ms"), "ms", least=False),
    Goal(
        "endpoint to Split at 300 messages a second, 99th percentile",
        100,
        _figure("age_p99_ms"),
        "ms",
        least=False,
    ),
    Goal("the endpoint at half its capacity, 99th percentile", 25, _figure("door_half_p99_ms"), "ms", least=False),
    _Compared("Redis, of a waiting message's JSON", 1.3, _figure("redis_bytes"), least=False),
    _Compared("CPU time a message, 1 to 4 workers, largest of smallest", 1.1, _flatness, least=False),
    Goal("cold start of `python -m workers`", 1.0, _figure("start_workers_seconds"), "s", least=False),
    Goal("cold start of `split-dest preview`", 0.4, _figure("start_preview_seconds"), "s", least=False),
)
