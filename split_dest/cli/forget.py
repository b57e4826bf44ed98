"""``split-dest forget``."""

import sys
from pathlib import Path

import click

from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.store import reached_store
from split_dest.config import fingerprints
from split_dest.inbox import deployment, lanes, owners


@click.command(epilog=example("split-dest forget web-former"))
@config_file
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without a question.")
def forget(config_path: Path | None, name: str, yes: bool) -> None:
    """Delete all that Redis has of a destination or source that the settings name no more.

    If they name it as a source instead of a destination, or the other way round, only what it had before goes.
    What waits there is never delivered then, and its dead letters are gone. It takes a Redis user that may list
    keys, as none of config/acl/users.acl may.

    A person in a terminal is asked first; without a terminal --yes is needed.
    """
    settings = settings_of(config_path)
    store, listed = reached_store(settings), lanes.of(settings.destinations, settings.sources)
    (left,) = owners.left(store, [name], listed)
    if left.is_moved and not (left.pending or left.dead):
        raise click.UsageError(f'the settings name "{name}": remove it there first')
    here = fingerprints.of(settings, deployment.identity(store))
    if any(name in (*each.only_there, *each.leads_elsewhere) for each in deployment.others(store, here)):
        raise click.ClickException(f'live workers know "{name}" by other settings: give them these first')
    counts = f"{left.pending:,} waiting, {left.dead:,} dead"
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"{counts}; there is no terminal to ask in: add --yes to delete all for good")
        if not click.confirm(f"{name}: {counts}. Delete all for good?", err=True):
            click.echo("stopped", err=True)
            sys.exit(1)
    keys = owners.forget(store, name, listed.get(name, ()))
    found = f"{counts}; {keys:,} keys deleted" if keys or left.dead else "Redis has nothing of it"
    click.echo(f"{name}: {found}")
