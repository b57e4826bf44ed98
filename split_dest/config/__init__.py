"""YAML and environment variables to frozen settings; the only reader of either."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from split_dest.config.settings import Settings
from split_dest.errors import Problem, SettingsError


@dataclass(frozen=True, slots=True)
class Number:
    """A number that the environment may set."""

    default: int
    minimum: int
    maximum: int
    reader: str
    text: str


NUMBERS = {
    "PORT": Number(8000, 1, 65_535, "web", "the port to listen on"),
    "WEB_CONCURRENCY": Number(1, 1, 1000, "web", "processes, each of which uses a core"),
    "WEB_PROXIES": Number(
        0,
        0,
        100,
        "web",
        "proxies of yours in front: as many addresses of `X-Forwarded-For` are believed",
    ),
    "WORKER_CONCURRENCY": Number(2, 1, 1000, "worker", "worker processes"),
}


def number(name: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return a number of the environment, or its default where the variable is absent or empty.

    Raises:
        SettingsError: it can't be read, or is out of range.
    """
    limits, text = NUMBERS[name], environ.get(name)
    if not text:
        return limits.default
    if re.fullmatch("[0-9]{1,9}", text) and limits.minimum <= int(text) <= limits.maximum:
        return int(text)
    problem = f'must be a whole number between {limits.minimum} and {limits.maximum}, not "{text}"'
    raise SettingsError([Problem(name, 0, 0, problem)])


def check_numbers(environ: Mapping[str, str] = os.environ) -> None:
    """Refuse numbers of the environment, before a process reads its own.

    Raises:
        SettingsError: one can't be read, or is out of range.
    """
    for name in NUMBERS:
        number(name, environ)


def path(file: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file's path: *file*, else SPLIT_DEST_CONFIG, else config/<SPLIT_DEST_ENV>.yaml."""
    environment = environ.get("SPLIT_DEST_ENV") or "development"
    return Path(file or environ.get("SPLIT_DEST_CONFIG") or f"config/{environment}.yaml")


def load(
    file: Path | None = None, environ: Mapping[str, str] = os.environ, *, need_secrets: bool = True
) -> Settings:
    """Return the settings.

    Args:
        file: the YAML file; None: as ``path`` finds it.
        environ: where variables are looked up.
        need_secrets: False lets every key, secret and variable be absent, for looking at a mapping only.

    Raises:
        SettingsError: with every problem of the file.
    """
    # Imported here because a worker process is handed its settings, and need not wait for YAML and the schema.
    from split_dest.config import loading

    return loading.load(file or path(None, environ), environ, need_secrets=need_secrets)


def check(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> tuple[Settings, list[Problem]]:
    """Return the settings, and a warning for each one that works and is almost surely wrong.

    Raises:
        SettingsError: with every problem of the file, or with a number of the environment that can't be read.
    """
    from split_dest.config import loading

    check_numbers(environ)
    return loading.check(file or path(None, environ), environ)
