"""Editors judge a settings file as the service does."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given

from split_dest import config
from split_dest.errors import SettingsError
from tests.config.conftest import DESTINATION
from tests.config.test_anything import documents
from tests.config.test_reference import shown
from tests.config.test_schema import WRONG
from tests.support.documented import DOCUMENTED, VARIABLES

FOLDER = Path(__file__).parents[2] / "config"
FILE = FOLDER / "settings.schema.json"
SCHEMA = json.loads(FILE.read_text())
VALIDATOR = jsonschema_rs.Draft7Validator(SCHEMA)
FILES = sorted(FOLDER.glob("*.yaml"))


def errors(document: Any) -> list[str]:
    """Return what an editor would mark."""
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in VALIDATOR.iter_errors(document)
    ]


DEMO = FOLDER.parent / "split_dest" / "cli" / "demo.yaml"


@pytest.mark.parametrize("file", [*FILES, DOCUMENTED, DEMO], ids=lambda file: file.name)
def test_good_files_are_valid(file):
    """Those of the project, the demo's, and the one with every setting."""
    text = file.read_text().replace("<folder>", "/folder").replace("<sandbox>", "http://127.0.0.1:8100")

    assert errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_name_their_schema(file):
    """In the line that editors with YAML's language server read."""
    named = file.read_text().partition("\n")[0].removeprefix("# yaml-language-server: $schema=")

    assert (file.parent / named).resolve() == FILE


def test_what_the_reference_shows_is_valid():
    """The page's own example."""
    assert errors(yaml.safe_load(shown())) == []


def test_references_and_merged_mappings_are_valid():
    """Where a choice or an address comes from a variable, its value is judged at the start."""
    text = DESTINATION.replace("  web:", "  web: &web") + (
        "    identify: {mode: '${MODE}'}\n"
        "  app: {<<: *web, track: {value: null}, split: {environment_name: null}}\n"
        "split: {events_url: '${SPLIT}/api'}\n"
        "redis: {url: '${REDIS_URL}'}\n"
    )

    assert errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize("line", [line for line, _, _ in WRONG if "2026-01-31" not in line])
def test_what_has_a_wrong_type_is_marked(line):
    """Each wrong value that the service refuses at its start."""
    assert len(errors(yaml.safe_load(f"{DESTINATION}{line}\n"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "    tracks: {}",
        "    identify: {mode: overwrite}",
        "    signature_secrets: [literal]",
        "  a/b: {authorization: ['${A}']}",
        "  app: {}",
        "  app: {authorization: []}",
        "Redis: {}",
        "redis: {url: localhost}",
        "segment: {url: ftp://segment}",
        "delivery: {batch_max_events: 5001}",
        "delivery: {give_up_hours: 0}",
        "intake: {dedupe_hours: -1}",
    ],
)
def test_what_the_service_refuses_is_marked(line):
    """Unknown keys, choices, literal secrets, names, missing keys, addresses and ranges."""
    assert len(errors(yaml.safe_load(f"{DESTINATION}{line}\n"))) == 1


@given(document=documents())
def test_what_the_service_accepts_is_not_marked(tmp_path_factory, document):
    """No false alarm for any file, but for a section that is left out because it is an optional variable."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(document))
    try:
        config.load(file, VARIABLES)
    except SettingsError:
        return

    assert errors(without(document, "${A:-}")) == []


def without(value: Any, absent: str) -> Any:
    """Return a document without what is left out."""
    if isinstance(value, dict):
        return {key: without(below, absent) for key, below in value.items() if below != absent}
    if isinstance(value, list):
        return [without(item, absent) for item in value if item != absent]
    return copy.copy(value)
