"""``split-dest schema``."""

import json

import click

from split_dest.cli.options import example


@click.command(epilog=example("split-dest schema"))
def schema() -> None:
    """Print the JSON Schema of the settings file, for editors.

    Write it to a file, and name that in the first line of the settings: # yaml-language-server: $schema=FILE
    """
    # Imported here because the list of commands needs none of it.
    from split_dest.config import json_schema

    click.echo(json.dumps(json_schema.document(), indent=2, ensure_ascii=False))
