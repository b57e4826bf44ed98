"""``split-dest forget``."""

import sys
from pathlib import Path

import click

from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.store import reached_store
from split_dest.inbox import deployment, owners


@click.command(epilog=example("split-dest forget web-former"))
@config_file
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without a question.")
def forget(config_path: Path | None, name: str, yes: bool) -> None:
    """Delete all that Redis has of a destination or source that the settings name no more.

    What waits there is never delivered then, and its dead letters are gone. It takes a Redis user that may list
    keys, as none of config/acl/users.acl may.

    A person in a terminal is asked first; without a terminal --yes is needed.
    """
    settings = settings_of(config_path)
    if name in {*settings.destinations, *settings.sources}:
        raise click.UsageError(f'the settings name "{name}": remove it there first')
    store = reached_store(settings)
    if name in deployment.known_to_others(store):
        raise click.ClickException(f'live workers know "{name}": give them the settings without it first')
    (left,) = owners.left(store, [name])
    counts = f"{left.pending:,} waiting, {left.dead:,} dead"
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{counts}; there is no terminal to ask in: add --yes to delete all for good")
        if not click.confirm(f"{name}: {counts}. Delete all for good?", err=True):
            click.echo("stopped", err=True)
            sys.exit(1)
    keys = owners.forget(store, name)
    click.echo(f"{name}: {counts}; {keys:,} keys deleted" if keys else f"{name}: Redis has nothing of it")
