"""``split-dest resume``."""

from pathlib import Path

import click

from split_dest.cli import layout
from split_dest.cli.options import config_file, example, known, settings_of
from split_dest.cli.store import reached_store
from split_dest.inbox import lanes, wake

_DETAIL_CHARS = 600


@click.command(epilog=example("split-dest resume web-production events"))
@config_file
@click.argument("destination")
@click.argument("lane", type=click.Choice(sorted(lanes.SLOTS)), required=False)
def resume(config_path: Path | None, destination: str, lane: str | None) -> None:
    """End the pause of the lanes of a destination or source, or of one LANE.

    One call to Split or Segment is tried at once. If that is refused, the lane is paused again.
    """
    settings = settings_of(config_path)
    known(destination, (*settings.destinations, *settings.sources), "destination or source")
    store = reached_store(settings)
    ended = {name: wake.resume(store, destination, name) for name in ([lane] if lane else lanes.SLOTS)}
    for name, pause in ended.items():
        if pause is not None:
            why = f"{pause.reason} ({layout.printable(pause.detail, _DETAIL_CHARS)})"
            click.echo(
                f"{destination} {name}: ended a pause of {layout.duration(pause.left_ms / 1000)} more: {why}"
            )
    if not any(ended.values()):
        click.echo(f"{destination}{f' {lane}' if lane else ''} is not paused")
