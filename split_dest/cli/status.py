"""``split-dest status``."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.live import Live
from rich.table import Table

from split_dest.cli.options import config_file, example, settings_of, store_of
from split_dest.inbox import ledger
from split_dest.inbox.ledger import LaneNumbers, Ledger

_COLUMNS = ("received", "delivered", "filtered", "duplicate", "pending", "in flight", "dead", "oldest", "rests")


@click.command(epilog=example("split-dest status --watch"))
@config_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--watch", is_flag=True, help="Show it anew every second until Ctrl-C.")
def status(config_path: Path | None, as_json: bool, watch: bool) -> None:
    """Shows every lane's numbers, what rests and why, and how many workers live.

    received = delivered + filtered + duplicate + pending + dead, at every moment.
    """
    settings = settings_of(config_path)
    store = store_of(settings)
    if not watch:
        _show(ledger.read(store, settings.destinations), as_json)
        return
    if as_json:
        while True:
            _show(ledger.read(store, settings.destinations), as_json)
            time.sleep(1)
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            live.update(_table(ledger.read(store, settings.destinations)), refresh=True)
            time.sleep(1)


def _show(taken: Ledger, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(_json(taken)))
    else:
        Console().print(_table(taken))


def _json(taken: Ledger) -> dict[str, Any]:
    destinations: dict[str, dict[str, Any]] = {}
    for (destination, lane), numbers in taken.lanes.items():
        destinations.setdefault(destination, {})[lane] = dataclasses.asdict(numbers)
    return {"workers": taken.workers, "taken_ms": taken.taken_ms, "destinations": destinations}


def _table(taken: Ledger) -> Table:
    table = Table(title=f"workers alive: {taken.workers}", title_justify="left")
    table.add_column("destination")
    table.add_column("lane")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "rests" else "right")
    for (destination, lane), numbers in taken.lanes.items():
        table.add_row(destination, lane, *_cells(numbers, taken.taken_ms))
    return table


def _cells(numbers: LaneNumbers, now_ms: int) -> list[str]:
    whole = (numbers.received, numbers.delivered, numbers.filtered_total, numbers.duplicate, numbers.pending)
    rest = ""
    if numbers.resting_until_ms is not None:
        seconds = (numbers.resting_until_ms - now_ms) / 1000
        rest = f"{seconds:.0f} s: {numbers.resting_reason}"
    counts = [f"{number:,}" for number in (*whole, numbers.in_flight, numbers.dead)]
    return [*counts, f"{numbers.oldest_seconds:.0f} s" if numbers.pending else "", rest]
