"""A settings file of a test, loaded or with what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from split_dest import config
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError

#: A destination that lacks nothing; ``track`` and what follows may be added below it.
DESTINATION = """\
destinations:
  web:
    authorization: ["${SECRET}"]
    split: {sdk_key: "${SDK_KEY}", admin_key: "${ADMIN_KEY}", workspace_id: ws-1, environment: Production}
"""

VARIABLES = {"SECRET": "let-me-in", "SDK_KEY": "sdk-1", "ADMIN_KEY": "admin-1"}


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Settings]:
    """Return what loads a text as settings; keywords are variables besides the usual ones."""

    def load(text: str, *, need_secrets: bool = True, **variables: str) -> Settings:
        file = tmp_path / "settings.yaml"
        file.write_text(text)
        return config.load(file, VARIABLES | variables, need_secrets=need_secrets)

    return load


@pytest.fixture
def problems(loaded: Callable[..., Settings]) -> Callable[..., list[str]]:
    """Return what loads a text that must be refused, and returns the problems as ``line:column: text``."""

    def refused_problems(text: str, **variables: Any) -> list[str]:
        with pytest.raises(SettingsError) as refused:
            loaded(text, **variables)
        return [f"{problem.line}:{problem.column}: {problem.text}" for problem in refused.value.problems]

    return refused_problems
