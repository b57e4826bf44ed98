"""A settings file to settings, or to all of its problems at once."""

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from marshmallow import ValidationError

from split_dest.config import cross_checks, findings, yaml_source
from split_dest.config.schema import SETTINGS
from split_dest.config.settings import Settings
from split_dest.config.yaml_source import YamlSource
from split_dest.errors import Problem, SettingsError


def load(file: Path, environ: Mapping[str, str], *, need_secrets: bool) -> Settings:
    """Return the settings; see ``config.load``.

    Raises:
        SettingsError: with every problem of the file.
    """
    return _read(file, environ, need_secrets=need_secrets)[0]


def check(file: Path, environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Return the settings, and what is almost surely wrong with them; see ``config.check``.

    Raises:
        SettingsError: with every problem of the file.
    """
    # No other command needs it.
    from split_dest.config import advice

    settings, source = _read(file, environ, need_secrets=True)
    problems = [source.problem(where, text, at_key=at_key) for where, text, at_key in advice.warnings(settings)]
    return settings, _sorted(problems)


def _read(file: Path, environ: Mapping[str, str], *, need_secrets: bool) -> tuple[Settings, YamlSource]:
    source = yaml_source.read(file, environ, need_variables=need_secrets)
    settings = Settings()
    errors: dict[str, object] | list[object] = []
    try:
        settings = SETTINGS.load(source.value, partial=not need_secrets)
    except ValidationError as error:
        errors = error.messages
    for where, text, at_key in (
        *findings.of_errors(errors, SETTINGS),
        *cross_checks.of_file(source.value, need_keys=need_secrets),
        *findings.unknown_keys(source.left_out, SETTINGS),
    ):
        if at_key or not source.is_consequence(where):
            source.note(where, text, at_key=at_key)
    if need_secrets and not source.problems and not (settings.destinations or settings.sources):
        source.note((), "names neither a destination nor a source: there is nothing to do")
    if source.problems:
        raise SettingsError(_sorted(source.problems))
    data_dir = os.path.normpath(file.parent / settings.redis.data_dir)
    return replace(settings, redis=replace(settings.redis, data_dir=data_dir)), source


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.column))
