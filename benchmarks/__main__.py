"""``python -m benchmarks``: measures in turns, shows each against its goal, and writes the report."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import backlog, cpu, report, starts, through
from benchmarks.endpoints import Endpoints
from benchmarks.goals import GOALS, Figures
from benchmarks.yard import Yard, yard

#: A short run that fails is measured again so often, for machines that others use as well are not steady.
_SHORT_TURNS = 3


@click.command()
@click.option("--short", is_flag=True, help="A minute a turn: less load, a smaller backlog.")
@click.option("--turns", type=click.IntRange(min=1), default=None, help="How many.  [default: 5, short 1 to 3]")
@click.option("--report", "file", type=click.Path(path_type=Path), default=None, help="Whose table to renew.")
def measure(short: bool, turns: int | None, file: Path | None) -> None:
    """Measure the service beside what it is compared with, and say which goals are reached."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not there: apt install wrk")
    if file is not None and not report.has_place(file.read_text()):
        raise click.ClickException(f"{file} has no part to renew")
    # So that what was started ends as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    least, most = (turns, turns) if turns else (1, _SHORT_TURNS) if short else (5, 5)
    seconds, large = (2.0, 50_000) if short else (8.0, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, yard(Path(folder)) as ground:
        taken = list[Figures]()
        while len(taken) < least or (len(taken) < most and _failed(taken)):
            click.echo(f"turn {len(taken) + 1} ...")
            taken.append(_turn(ground, seconds, large))
            click.echo("  " + ", ".join(f"{name} {value:.4g}" for name, value in taken[-1].items()))
    click.echo(report.table(taken))
    if file is not None:
        file.write_text(report.renewed(file.read_text(), taken, seconds, large))
    if failed := _failed(taken):
        raise click.ClickException(f"far from the goal: {'; '.join(failed)}")


def _failed(taken: Sequence[Figures]) -> list[str]:
    """Return the goals that the medians of the turns are too far from."""
    return [goal.what for goal in GOALS if goal.is_failed(report.median(goal, taken))]


def _turn(ground: Yard, seconds: float, large: int) -> Figures:
    began, host = time.monotonic(), cpu.Host()
    # New processes for each turn: of two with the same code one may be a sixth quicker for as long as they live.
    endpoints = Endpoints(ground)
    url = endpoints.urls["service"]
    figures = {
        **endpoints.measure(seconds),
        **through.sustained(ground, url, seconds),
        **through.naive(ground, endpoints.urls["naive"], seconds),
        **through.ages(ground, url, seconds),
        **backlog.measure(ground, large),
        **starts.measure(ground),
    }
    endpoints.stop()
    return figures | {"turn_seconds": time.monotonic() - began, "host_took": host.took()}


if __name__ == "__main__":
    measure()
