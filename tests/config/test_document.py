"""What is no YAML, or YAML that no settings can be."""

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
def test_what_is_not_yaml_is_told_at_its_place(told, text, problem):
    """A fault that keeps the file from being read at all is the only one told, with line and column."""
    found = told(text)

    assert found == [problem]


def test_a_text_that_nests_beyond_what_python_reads_is_refused(told):
    """Hundreds of brackets end in a problem, not in the stack."""
    found = told("a: " + "[" * 700 + "]" * 700)

    assert found == ["1:1: nested too deep"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("redis: &self [*self]\n", "1:8: nested too deep"),
        ("redis: &self {url: *self}\n", "1:8: nested too deep"),
        ("redis: &self {url: *self, data_dir: *self}\n", "1:8: holds too much; does an alias hold itself?"),
        ("redis: &self [*self, *self]\n", "1:8: holds too much; does an alias hold itself?"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)),
            "1:24: holds too much; does an alias hold itself?",
        ),
    ],
    ids=["list", "mapping", "both ways", "list both ways", "multiplied"],
)
def test_an_alias_that_holds_itself_or_too_much_is_refused(told, text, problem):
    """Aliases can make a small file endless; it is refused within moments."""
    found = told(text)

    assert problem in found


def test_an_alias_may_repeat_a_section(loaded):
    """What stands in the file twice can be written once."""
    again = DESTINATION.replace("split:", "split: &account") + (
        '  app:\n    authorization: ["${SECRET}"]\n    split: *account\n'
    )

    found = loaded(again)

    assert found.destinations["app"].split == found.destinations["web"].split


def test_a_key_that_stands_twice_is_told_once(told):
    """The second of two sections of one name is told, and not every key in it as well."""
    found = told("redis: {url: embedded}\n" + DESTINATION + "redis: {url: embedded}\n")

    assert found == ['6:1: "redis" stands here twice']


def test_a_key_that_is_no_word_is_told(told):
    """YAML allows lists as keys; settings do not."""
    found = told(DESTINATION + "? [a, b]\n: c\n")

    assert found == ["5:3: a key must be a single word"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("# nothing but a comment\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("null\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("destinations: {}\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("${NOBODY:-}\n", "1:1: names neither a destination nor a source: there is nothing to do"),
        ("[]\n", "1:1: must hold keys and values"),
        ("- redis: {}\n", "1:1: must hold keys and values"),
        ("just words\n", "1:1: must hold keys and values"),
        ("7\n", "1:1: must hold keys and values"),
    ],
)
def test_a_file_without_settings_is_told(told, text, problem):
    """An empty file, a list or a single value is told as what it is."""
    found = told(text)

    assert found == [problem]


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
def test_a_section_with_nothing_below_is_told(told, text, problem):
    """A section whose keys were all commented out is not taken for one that is absent."""
    found = told(text)

    assert found == [problem]


@pytest.mark.parametrize("tag", ["!!bool maybe", "!!int ''", "!!float ''", "!!timestamp soon", "!ours x"])
def test_a_tag_that_does_not_fit_its_value_is_judged_as_text(told, tag):
    """PyYAML trusts such tags and stumbles; here the value counts as the text it is."""
    found = told(DESTINATION + f"delivery: {{batch_max_events: {tag}}}\n")

    assert found == ["5:30: delivery.batch_max_events: must be a whole number"]


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
def test_a_file_that_cant_be_read_is_told_by_its_name(tmp_path, make, text):
    """No file, a folder, or bytes that are no UTF-8: told with the file's name."""
    file = tmp_path / "settings.yaml"
    make(file)

    with pytest.raises(SettingsError) as refused:
        config.load(file, VARIABLES)

    assert str(refused.value) == f"{file}:1:1: {text}"


def test_a_file_of_another_system_is_read(tmp_path):
    """A byte order mark and Windows line ends do not matter."""
    file = tmp_path / "settings.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + DESTINATION.replace("\n", "\r\n").encode())

    found = config.load(file, VARIABLES)

    assert list(found.destinations) == ["web"]


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
    found = config.path(given, environ)

    assert found == Path(path)


def test_without_a_file_the_environment_names_it(tmp_path):
    """The web and the workers load what SPLIT_DEST_CONFIG names."""
    file = tmp_path / "settings.yaml"
    file.write_text(DESTINATION)

    found = config.load(None, {**VARIABLES, "SPLIT_DEST_CONFIG": str(file)})

    assert list(found.destinations) == ["web"]


@pytest.mark.parametrize(
    ("given", "count"), [({}, 2), ("1", 1), ("16", 16), ("0", 2), ("", 2), ("many", 2), ("-3", 2)]
)
def test_worker_concurrency_is_a_positive_number_or_two(given, count):
    """WORKER_CONCURRENCY counts when it is a whole number above zero."""
    environ = {"WORKER_CONCURRENCY": given} if given != {} else {}

    found = config.worker_concurrency(environ)

    assert found == count
