"""The documented settings: every key is known, and every value shown is the default."""

from collections.abc import Iterator

import pytest
import yaml

from split_dest import config
from split_dest.errors import SettingsError
from tests.support.documented import DOCUMENTED, VARIABLES

REQUIRED = """
destinations:
  web-production:
    authorization: ["${WEB_PRODUCTION_SECRET}"]
    split:
      sdk_key: ${SPLIT_SDK_KEY}
      admin_key: ${SPLIT_ADMIN_KEY}
      workspace_id: ws-1
      environment: Production
sources:
  flags-production:
    tokens: ["${FLAGS_PRODUCTION_TOKEN}"]
    write_key: ${SEGMENT_WRITE_KEY}
    split: {admin_key: "${SPLIT_ADMIN_KEY}", workspace_id: ws-1}
"""

#: Below these stand names that the admin chooses.
NAMES = ("destinations", "sources", "map_identities", "map_traffic_types", "flag_traffic_types")


def keys(node: yaml.Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], yaml.Mark]]:
    """Yield every key that the settings themselves name, with where it stands."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if not path or path[-1] not in NAMES:
            yield (*path, key.value), key.start_mark
        yield from keys(value, (*path, key.value))


KEYS = dict(keys(yaml.compose(DOCUMENTED.read_text())))


def test_the_documented_values_are_the_defaults(tmp_path):
    """A file that names only what is required gives the same settings as the whole documented one."""
    whole, required = tmp_path / "whole.yaml", tmp_path / "required.yaml"
    whole.write_text(DOCUMENTED.read_text())
    required.write_text(REQUIRED)

    assert config.load(whole, VARIABLES) == config.load(required, VARIABLES)


@pytest.mark.parametrize(
    ("commented", "paths"),
    [
        ("# groupId: account ", ["userId", "anonymousId", "groupId"]),
        ("# context.groupId: account ", ["userId", "anonymousId", "context.groupId"]),
    ],
)
def test_the_keys_shown_as_comments_are_accepted(tmp_path, commented, paths):
    """The suggestions of the documented file can be switched on by deleting the comment sign."""
    file = tmp_path / "settings.yaml"
    file.write_text(DOCUMENTED.read_text().replace(commented, commented.removeprefix("# ")))

    result = config.load(file, VARIABLES)

    assert list(result.destinations["web-production"].rules.map_identities) == paths


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_every_documented_key_counts(tmp_path, path):
    """Misspelling any key of the documented file is reported at its line and column, so none is ignored."""
    lines = DOCUMENTED.read_text().splitlines()
    mark = KEYS[path]
    line = lines[mark.line]
    lines[mark.line] = line[: mark.column] + "q" + line[mark.column :]
    file = tmp_path / "settings.yaml"
    file.write_text("\n".join(lines))

    with pytest.raises(SettingsError) as refused:
        config.load(file, VARIABLES)

    problems = {(p.line, p.column): p.text for p in refused.value.problems if p.text.startswith("unknown key ")}
    assert problems[mark.line + 1, mark.column + 1] == f'unknown key "q{path[-1]}", did you mean "{path[-1]}"?'


def test_the_documented_file_needs_its_variables():
    """Without any variable each required one is reported, at the place that asks for it."""
    with pytest.raises(SettingsError) as refused:
        config.load(DOCUMENTED, {})

    problems = [problem.text.split(":")[0] for problem in refused.value.problems]
    assert sorted(problems) == sorted([f"${{{name}}}" for name in VARIABLES] + ["${SPLIT_ADMIN_KEY}"])
