"""YAML and environment variables to frozen settings; the only reader of either."""

import os
from collections.abc import Mapping
from pathlib import Path

from split_dest.config.settings import Settings


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
    # Here and not above: a worker process is handed its settings, and need not wait for YAML and the schema.
    from split_dest.config import loading

    return loading.load(file or path(None, environ), environ, need_secrets=need_secrets)
