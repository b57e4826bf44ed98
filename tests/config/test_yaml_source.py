"""Files that are not YAML, or YAML that can't be settings."""

from pathlib import Path

import pytest

from split_dest import config
from split_dest.errors import SettingsError
from tests.config.conftest import DESTINATION, VARIABLES

NOT_YAML = [
    ("redis:\n\turl: embedded\n", "2:1: not YAML: found character '\\t' that cannot start any token"),
    ("redis: [\n", "2:1: not YAML: expected the node content, but found '<stream end>'"),
    ('redis: {url: "embedded}\n', "2:1: not YAML: found unexpected end of stream"),
    ("a: b\n c: d\n", "2:3: not YAML: mapping values are not allowed here"),
    ("a: 1\n---\nb: 2\n", "2:1: not YAML: but found another document"),
    ("a: *nobody\n", "1:4: not YAML: found undefined alias"),
    ("a:\n  b: x\x01\n", "2:7: not YAML: the character #x0001 is not allowed"),
    ("\x00", "1:1: not YAML: the character #x0000 is not allowed"),
]


@pytest.mark.parametrize(("text", "problem"), NOT_YAML)
def test_what_is_not_yaml_is_reported_at_its_place(problems, text, problem):
    """A fault that keeps the file from being read at all is the only one reported, with line and column."""
    result = problems(text)

    assert result == [problem]


def test_a_text_that_nests_beyond_what_python_reads_is_refused(problems):
    """Hundreds of brackets end in a problem, not in the stack."""
    result = problems("a: " + "[" * 700 + "]" * 700)

    assert result == ["1:1: nested too deep"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("redis: &self [*self]\n", "1:8: nested too deep"),
        ("redis: &self {url: *self}\n", "1:8: nested too deep"),
        ("redis: &self {url: *self, data_dir: *self}\n", "1:8: too many values; does an alias contain itself?"),
        ("redis: &self [*self, *self]\n", "1:8: too many values; does an alias contain itself?"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)),
            "1:24: too many values; does an alias contain itself?",
        ),
    ],
    ids=["list", "mapping", "both ways", "list both ways", "multiplied"],
)
def test_an_alias_that_holds_itself_or_too_much_is_refused(problems, text, problem):
    """Aliases can make a small file endless; it is refused within moments."""
    result = problems(text)

    assert problem in result


def test_an_alias_may_repeat_a_section(loaded):
    """A section that is needed twice can be written once."""
    again = DESTINATION.replace("split:", "split: &account") + (
        '  app:\n    authorization: ["${SECRET}"]\n    split: *account\n'
    )

    result = loaded(again)

    assert result.destinations["app"].split == result.destinations["web"].split


def test_a_duplicate_key_is_reported_once(problems):
    """The second of two sections of one name is reported with the line of the first, and no key in it as well."""
    result = problems("redis: {url: embedded}\n" + DESTINATION + "redis: {url: embedded}\n")

    assert result == ['6:1: duplicate key "redis" (first on line 1)']


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{sdk_key: "${SDK_KEY}"}', '{admin_key: "${ADMIN_KEY}", workspace_id: ws-1, environment: Production}'),
        ("{}", '{sdk_key: "${NOBODY}", workspace: 7}'),
        ('{sdk_key: "${SDK_KEY}", admin_key: "${ADMIN_KEY}", workspace_id: ws-1, environment: e}', "{x: 7}"),
    ],
    ids=["halves", "empty", "whole"],
)
def test_a_duplicate_key_is_reported_alone(problems, first, second):
    """A key of the other one is not reported as missing, and mistakes in the ignored one do not count."""
    result = problems(
        f'destinations:\n  web:\n    authorization: ["${{SECRET}}"]\n    split: {first}\n    split: {second}\n'
    )

    assert result == ['5:5: duplicate key "split" (first on line 4)']


def test_what_is_wrong_in_the_first_of_two_is_reported_as_well(problems):
    """A duplicate hides only what may be missing."""
    result = problems(DESTINATION + "    track: {enabled: 7}\n    track: {}\n")

    assert result == [
        "5:22: destinations.web.track.enabled: must be true or false",
        '6:5: duplicate key "track" (first on line 5)',
    ]


SHOP = DESTINATION.replace("  web:", "  web: &shop") + "    track: {value: properties.total}\n"


def test_a_destination_may_merge_another(loaded):
    """``<<: *shop`` takes over what the destination does not say itself."""
    result = loaded(SHOP + "  app:\n    <<: *shop\n    group: {enabled: false}\n    track: {only: [A]}\n")

    web, app = result.destinations["web"], result.destinations["app"]
    assert app.split == web.split
    assert not app.rules.group_enabled
    assert app.rules.track.included == ("A",)
    assert app.rules.track.value == ()


def test_several_mappings_may_be_merged_and_the_first_counts_most(loaded):
    """``<<: [*a, *b]``, and a merged mapping may merge another."""
    text = (
        DESTINATION + "    track: &a {value: properties.a}\n"
        "    identify: &b {enabled: false}\n"
        "    group: &c {<<: *b}\n"
        "    delete: {<<: [*c, *b]}\n"
        "    named_pages: {<<: [{enabled: false}, {enabled: true, event_type_id: 'p_{name}'}]}\n"
    )

    rules = loaded(text).destinations["web"].rules

    assert not rules.group_enabled
    assert not rules.delete_enabled
    assert not rules.named_pages.enabled
    assert rules.named_pages.event_type_id == "p_{name}"


def test_what_is_wrong_in_a_merged_mapping_is_reported_where_it_stands(problems):
    """The place is that of the mapping that was merged."""
    result = problems(SHOP.replace("{value: ", "{velue: ") + "  app: {<<: *shop}\n")

    assert result == ['5:13: unknown key "velue", did you mean "value"?'] * 2


def test_a_key_that_stands_twice_in_a_merged_mapping_is_reported_once(problems):
    """It is reported where the mapping stands, not where it is merged."""
    result = problems(SHOP + "    track: {}\n  app: {<<: *shop}\n")

    assert result == ['6:5: duplicate key "track" (first on line 5)']


@pytest.mark.parametrize("value", ["7", "", "[7]", "text"])
def test_only_mappings_can_be_merged(problems, value):
    """A single value behind ``<<`` is reported at its place."""
    result = problems(DESTINATION + f"    <<: {value}\n")

    assert [problem.partition(": ")[2] for problem in result] == [
        "<< merges a mapping, such as *name, or a list of them"
    ]


@pytest.mark.parametrize(
    ("merges", "problem"),
    [("<<: *self", "nested too deep"), ("<<: [*self, *self]", "too many values; does an alias contain itself?")],
)
def test_a_mapping_that_merges_itself_is_refused(problems, merges, problem):
    """It is refused within moments."""
    result = problems(f"redis: &self {{{merges}}}\n")

    assert {each.partition(": ")[2] for each in result} >= {problem}


def test_a_key_that_is_no_word_is_reported(problems):
    """YAML allows lists as keys; settings do not."""
    result = problems(DESTINATION + "? [a, b]\n: c\n")

    assert result == ["5:3: a key must be a single word"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("# nothing but a comment\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("null\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("destinations: {}\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("${NOBODY:-}\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("[]\n", "1:1: must be a mapping"),
        ("- redis: {}\n", "1:1: must be a mapping"),
        ("just words\n", "1:1: must be a mapping"),
        ("7\n", "1:1: must be a mapping"),
    ],
)
def test_a_file_without_settings_is_reported(problems, text, problem):
    """An empty file, a list or a single value is reported as what it is."""
    result = problems(text)

    assert result == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("redis:\n" + DESTINATION, "1:7: redis: must not be empty"),
        (DESTINATION + "    track:\n", "5:11: destinations.web.track: must not be empty"),
        (DESTINATION + "    group: ~\n", "5:12: destinations.web.group: must not be empty"),
        (DESTINATION + "    map_identities:\n", "5:20: destinations.web.map_identities: must not be empty"),
        ("destinations:\n", "1:14: destinations: must not be empty"),
        ("destinations:\n  web:\n", "2:7: destinations.web: must not be empty"),
        (DESTINATION + "sources:\n", "5:9: sources: must not be empty"),
    ],
)
def test_a_section_with_nothing_below_is_reported(problems, text, problem):
    """A section whose keys were all commented out is not taken for one that is absent."""
    result = problems(text)

    assert result == [problem]


@pytest.mark.parametrize("tag", ["!!bool maybe", "!!int ''", "!!float ''", "!!timestamp soon", "!ours x"])
def test_a_tag_that_does_not_fit_its_value_is_judged_as_text(problems, tag):
    """PyYAML trusts such tags and stumbles; here the value counts as the text it is."""
    result = problems(DESTINATION + f"delivery: {{batch_max_events: {tag}}}\n")

    assert result == ["5:30: delivery.batch_max_events: must be a whole number"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda _: None, "can't be read: No such file or directory"),
        (lambda file: file.mkdir(), "can't be read: Is a directory"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "is not UTF-8 text"),
        (lambda file: file.write_text(DESTINATION, encoding="utf-16"), "is not UTF-8 text"),
    ],
    ids=["absent", "folder", "bytes", "utf-16"],
)
def test_a_file_that_cant_be_read_is_reported_by_its_name(tmp_path, make, text):
    """No file, a folder, or bytes that are no UTF-8: reported with the file's name."""
    file = tmp_path / "settings.yaml"
    make(file)

    with pytest.raises(SettingsError) as refused:
        config.load(file, VARIABLES)

    assert str(refused.value) == f"{file}:1:1: {text}"


def test_a_file_of_another_system_is_read(tmp_path):
    """A byte order mark and Windows line ends do not matter."""
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + DESTINATION.replace("\n", "\r\n").encode())

    result = config.load(file, VARIABLES)

    assert list(result.destinations) == ["web"]


@pytest.mark.parametrize(
    ("given", "environ", "path"),
    [
        (None, {}, "config/development.yaml"),
        (None, {"SPLIT_DEST_ENV": "staging"}, "config/staging.yaml"),
        (None, {"SPLIT_DEST_ENV": "staging", "SPLIT_DEST_CONFIG": "a/b.yaml"}, "a/b.yaml"),
        (None, {"SPLIT_DEST_ENV": "", "SPLIT_DEST_CONFIG": ""}, "config/development.yaml"),
        ("mine.yaml", {"SPLIT_DEST_ENV": "staging", "SPLIT_DEST_CONFIG": "a/b.yaml"}, "mine.yaml"),
    ],
)
def test_the_file_is_the_one_given_else_the_variables(given, environ, path):
    """--config, else SPLIT_DEST_CONFIG, else the file of SPLIT_DEST_ENV, which is development if absent."""
    result = config.path(given, environ)

    assert result == Path(path)


def test_without_a_file_the_environment_names_it(tmp_path):
    """The web and the workers load what SPLIT_DEST_CONFIG names."""
    file = tmp_path / "settings.yaml"
    file.write_text(DESTINATION)

    result = config.load(None, {**VARIABLES, "SPLIT_DEST_CONFIG": str(file)})

    assert list(result.destinations) == ["web"]
