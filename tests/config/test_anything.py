"""Any file loads, or every problem is reported; nothing else ever happens."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from split_dest import config
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError
from tests.support.documented import DOCUMENTED, VARIABLES

WORDS = [
    "",
    "merge",
    "userId",
    "user",
    "event",
    "enabled",
    "embedded",
    "redis://[",
    "${SPLIT_SDK_KEY}",
    "${A:-}",
    "${",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=8,
)
WHOLE = yaml.safe_load(DOCUMENTED.read_text())


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where a value can be replaced."""
    if path:
        yield path
    for key, below in value.items() if isinstance(value, dict) else ():
        yield from paths(below, (*path, key))


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """Return the documented settings with anything in some places."""
    document = copy.deepcopy(WHOLE)
    for path in draw(st.lists(st.sampled_from(sorted(paths(WHOLE))), min_size=1, max_size=3)):
        parent = document
        for key in path[:-1]:
            parent = parent.get(key) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[path[-1]] = draw(VALUES)
    return document


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One file for all examples."""
    return Path(tmp_path_factory.mktemp("anything") / "settings.yaml")


def judge(file: Path, *, need_secrets: bool) -> None:
    """Load a file; fail for anything but settings or reported problems, each in a place of the file."""
    lines = file.read_text().count("\n") + 1
    try:
        result, problems = config.load(file, VARIABLES, need_secrets=need_secrets), None
    except SettingsError as refused:
        result, problems = None, refused.problems
    assert isinstance(result, Settings) or problems
    for problem in problems or ():
        assert problem.text
        assert 1 <= problem.line <= lines + 1
        assert problem.column >= 1


@given(document=VALUES, need_secrets=st.booleans())
def test_any_document_loads_or_is_refused(file, document, need_secrets):
    """Any JSON document at all, written as JSON, which YAML includes."""
    file.write_text(json.dumps(document))

    judge(file, need_secrets=need_secrets)


@given(document=documents(), need_secrets=st.booleans())
def test_the_documented_file_with_anything_in_it_loads_or_is_refused(file, document, need_secrets):
    """The documented settings, with anything where something else should stand."""
    file.write_text(yaml.safe_dump(document))

    judge(file, need_secrets=need_secrets)


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\n :-[]{}&*!|>'\"%@`#?,$"))
)
def test_any_text_loads_or_is_refused(file, text):
    """Any text, most of which is no YAML."""
    file.write_text(text, newline="")

    judge(file, need_secrets=True)
