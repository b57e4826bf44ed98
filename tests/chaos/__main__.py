"""``python -m tests.chaos``: every scenario in its long form, and the report."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.chaos import report
from tests.chaos.all import SCENARIOS
from tests.chaos.report import Row
from tests.chaos.scenario import Dose, Scenario


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option("--short", is_flag=True, help="The form that the suite runs: minutes.")
@click.option(
    "--hours", type=click.FloatRange(min=0), default=0.0, help="Begin again, with new chance, for this long."
)
@click.option("--seed", type=int, default=None, help="Of all chance; else the time.  [default: the time]")
@click.option("--report", "file", type=click.Path(path_type=Path), default=None, help="Where to write the table.")
def prove(names: tuple[str, ...], short: bool, hours: float, seed: int | None, file: Path | None) -> None:
    """Break what can break, and say what became of every message.

    NAMES: only these scenarios; the report keeps its rows of the others.
    """
    seed = int(time.time()) if seed is None else seed
    started, rounds = time.monotonic(), 0
    former = file.read_text() if file is not None and file.exists() else ""
    rows: dict[str, Row] = {}
    while not rounds or time.monotonic() - started < hours * 3600:
        for name in names or _possible():
            row = _run(SCENARIOS[name], Dose(seed + rounds, long=not short))
            rows[name] = rows[name].and_then(row) if name in rows else row
            if file is not None:
                file.write_text(report.text(rows, former))
        rounds += 1
    sys.exit(not all(row.holds for row in rows.values()))


def _possible() -> Iterator[str]:
    """Yield the scenarios for which this machine has what they need."""
    for name, scenario in SCENARIOS.items():
        if lack := scenario.lacks():
            click.echo(f"{name}: left out, {lack}")
        else:
            yield name


def _run(scenario: Scenario, dose: Dose) -> Row:
    click.echo(f"{scenario.name}: {scenario.broken}")
    started, holds = time.monotonic(), True
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, _sign_of_life(scenario.name):
        try:
            measured = scenario.run(Path(folder), dose)
        except Exception as error:  # noqa: BLE001 - the others must run, and the report say it
            holds, measured = False, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    click.echo(f"  {'holds' if holds else 'DOES NOT HOLD'}, {seconds:.0f} s: {measured}")
    return Row(measured, holds, report.provenance(dose, seconds))


@contextmanager
def _sign_of_life(name: str) -> Iterator[None]:
    with Progress(SpinnerColumn(), TextColumn(name), TimeElapsedColumn(), transient=True) as progress:
        progress.add_task(name, total=None)
        yield


if __name__ == "__main__":
    prove()
