"""``split-dest status``."""

import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.store import store_of
from split_dest.config.settings import Settings
from split_dest.inbox import lanes, ledger
from split_dest.inbox.ledger import LaneNumbers, Ledger
from split_dest.inbox.store import Store

_COLUMNS = ("received", "delivered", "filtered", "duplicate", "pending", "in flight", "dead", "oldest")
#: Nobody's terminal: a file or another program, which no line needs to be folded for.
_PIPE_WIDTH = 200


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
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(store, settings, as_json)
    else:
        _show(_taken(store, settings), as_json)


def _taken(store: Store, settings: Settings) -> Ledger:
    return ledger.read(store, settings.destinations, settings.sources)


def _watch(store: Store, settings: Settings, as_json: bool) -> None:
    if as_json or not sys.stdout.isatty():
        while True:
            _show(_taken(store, settings), as_json)
            time.sleep(1)
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            live.update(_shown(_taken(store, settings)), refresh=True)
            time.sleep(1)


def _show(taken: Ledger, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(_json(taken)))
    else:
        Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(_shown(taken))


def _json(taken: Ledger) -> dict[str, Any]:
    shown: dict[str, dict[str, dict[str, Any]]] = {"destinations": {}, "sources": {}}
    for (name, lane), numbers in taken.lanes.items():
        kind = "sources" if lane in lanes.OF_SOURCE else "destinations"
        shown[kind].setdefault(name, {})[lane] = dataclasses.asdict(numbers)
    return {"workers": taken.workers, "forbidden": taken.forbidden, "taken_ms": taken.taken_ms, **shown}


def _shown(taken: Ledger) -> Group:
    rests = (
        f"{destination} {lane} rests for {_seconds(numbers.resting_until_ms - taken.taken_ms)}: "
        f"{numbers.resting_reason} ({numbers.resting_detail})"
        for (destination, lane), numbers in taken.lanes.items()
        if numbers.resting_until_ms is not None
    )
    return Group(f"workers alive: {taken.workers}", _table(taken), *map(Text, _reasons(taken)), *map(Text, rests))


def _reasons(taken: Ledger) -> Iterator[str]:
    if taken.forbidden:
        yield f"forbidden jobs: {_listed(taken.forbidden)}"
    for (destination, lane), numbers in taken.lanes.items():
        for name, by_reason in (("filtered", numbers.filtered), ("noted", numbers.noted)):
            if by_reason:
                yield f"{destination} {lane} {name}: {_listed(by_reason)}"


def _listed(by_reason: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {number:,}" for reason, number in sorted(by_reason.items()))


def _table(taken: Ledger) -> Table:
    # Destination and lane share a column that folds, so that 80 columns are enough.
    table = Table("lane", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=name != "in flight")
    for (destination, lane), numbers in taken.lanes.items():
        table.add_row(f"{destination} {lane}", *_cells(numbers))
    return table


def _cells(numbers: LaneNumbers) -> list[str]:
    whole = (numbers.received, numbers.delivered, numbers.filtered_total, numbers.duplicate, numbers.pending)
    counts = [f"{number:,}" for number in (*whole, numbers.in_flight, numbers.dead)]
    return [*counts, _seconds(numbers.oldest_seconds * 1000) if numbers.pending else ""]


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.0f} s"
