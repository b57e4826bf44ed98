"""A settings file to settings, or to all of its problems at once."""

from collections.abc import Mapping
from pathlib import Path

from marshmallow import ValidationError

from split_dest.config import document
from split_dest.config.complaints import complaints, unknown_keys
from split_dest.config.schema import SettingsSection
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError


def load(file: Path, environ: Mapping[str, str], *, need_secrets: bool) -> Settings:
    """Gives the settings; see ``config.load``.

    Raises:
        SettingsError: with every problem of the file.
    """
    read = document.read(file, environ, need_variables=need_secrets)
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
