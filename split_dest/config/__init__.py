"""YAML and environment variables to frozen settings; the only reader of either."""

import os
from collections.abc import Mapping
from pathlib import Path

from marshmallow import ValidationError

from split_dest.config import document
from split_dest.config.complaints import complaints, unknown_keys
from split_dest.config.schema import SettingsSection
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError


def path(given: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Gives the settings file's path: *given*, else SPLIT_DEST_CONFIG, else config/<SPLIT_DEST_ENV>.yaml."""
    environment = environ.get("SPLIT_DEST_ENV") or "development"
    return Path(given or environ.get("SPLIT_DEST_CONFIG") or f"config/{environment}.yaml")


def worker_concurrency(environ: Mapping[str, str] = os.environ) -> int:
    """Gives how many worker processes this machine runs: WORKER_CONCURRENCY, or 2."""
    given = environ.get("WORKER_CONCURRENCY", "")
    return int(given) if given.isdecimal() and int(given) else 2


def proxies(environ: Mapping[str, str] = os.environ) -> int:
    """Gives how many proxies of ours stand in front of the web process: WEB_PROXIES, or 0."""
    given = environ.get("WEB_PROXIES", "")
    return int(given) if given.isdecimal() else 0


def load(
    file: Path | None = None, environ: Mapping[str, str] = os.environ, *, need_secrets: bool = True
) -> Settings:
    """Gives the settings.

    Args:
        file: the YAML file; None: as ``path`` finds it.
        environ: where variables are looked up.
        need_secrets: False lets every key, secret and variable be absent, for looking at a mapping only.

    Raises:
        SettingsError: with every problem of the file.
    """
    read = document.read(file or path(None, environ), environ, need_variables=need_secrets)
    schema = SettingsSection()
    loaded = Settings()
    try:
        loaded = schema.load(read.value, partial=not need_secrets)
    except ValidationError as error:
        for where, text, at_key in complaints(error.messages, schema):
            if at_key or where not in read.unfilled:
                read.note(where, text, at_key=at_key)
    for where, text, at_key in unknown_keys(read.left_out, schema):
        read.note(where, text, at_key=at_key)
    if need_secrets and not read.problems and not (loaded.destinations or loaded.sources):
        read.note((), "names neither a destination nor a source: there is nothing to do")
    if read.problems:
        raise SettingsError(sorted(read.problems, key=lambda problem: (problem.line, problem.column)))
    return loaded
