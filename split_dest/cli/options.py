"""Options that several commands have, and the settings that they lead to."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from split_dest import config
from split_dest.config.settings import Settings

config_file = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The settings file. Default: SPLIT_DEST_CONFIG, else config/<SPLIT_DEST_ENV or development>.yaml.",
)


#: Said below the help of a command that reads messages.
EXAMPLES = f"\b\nMessages to try it with:\n  {Path(__file__).with_name('examples.jsonl')}"


def example(command: str) -> str:
    """Return the text below a command's help that shows it at work."""
    return f"\b\nExample:\n  {command}"


def settings_of(config_path: Path | None) -> Settings:
    """Return the settings for a command that works with Redis or Split.

    Raises:
        SettingsError: they can't be used.
    """
    return config.load(config_path or config.path())


def known(name: str, names: Iterable[str], kind: str) -> str:
    """Return the name of a destination or source.

    Raises:
        click.UsageError: there is none of the name.
    """
    listed = list(names)
    if name not in listed:
        raise click.UsageError(f'no {kind} "{name}" in the settings; there are: {", ".join(listed) or "none"}')
    return name


def chosen(settings: Settings, name: str | None) -> Sequence[str]:
    """Return the named destination or source, or all.

    Raises:
        click.UsageError: there is none of the name.
    """
    names = (*settings.destinations, *settings.sources)
    return names if name is None else (known(name, names, "destination or source"),)


destination: Callable[[Any], Any] = click.option("--destination", help="Only this destination or source.")
