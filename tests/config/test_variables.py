"""Values of ``${NAME}``."""

import pytest

from tests.config.conftest import DESTINATION

LONELY = 'destinations:\n  web:\n    authorization: ["${SECRET}"]\n    split: {sdk_key: "%s"}\n'
ONLY_EVENTS = "    identify: {enabled: false}\n    group: {enabled: false}\n"


def url(text: str) -> str:
    """Return settings whose events_url is *text*."""
    return f'{DESTINATION}split: {{events_url: "{text}"}}\n'


def test_a_variable_is_filled_in(loaded):
    """A setting that is ${NAME} takes the value of the variable NAME."""
    result = loaded(url("${ADDRESS}"), ADDRESS="http://127.0.0.1:8100/api")

    assert result.split.events_url == "http://127.0.0.1:8100/api"


def test_variables_may_stand_within_a_text(loaded):
    """Several variables, and one twice, are filled in where they stand."""
    result = loaded(url("http://${HOST}:${PORT}/${HOST}"), HOST="split", PORT="81")

    assert result.split.events_url == "http://split:81/split"


def test_what_a_variable_holds_is_not_filled_in_again(loaded):
    """A value that looks like a reference is only a value."""
    result = loaded(DESTINATION.replace("ws-1", '"${ONE}${TWO}"'), ONE="${TWO}", TWO="2")

    assert result.destinations["web"].split.workspace_id == "${TWO}2"


@pytest.mark.parametrize("written", ["from-a-file", "from-a-file\n", "  from-a-file\r\n"])
def test_a_variable_may_name_a_file(loaded, tmp_path, written):
    """NAME_FILE leads to a file that holds the value, as container platforms mount secrets."""
    secret = tmp_path / "secret"
    secret.write_text(written)

    result = loaded(DESTINATION, SDK_KEY="", SDK_KEY_FILE=str(secret))

    assert result.destinations["web"].split.sdk_key.reveal() == "from-a-file"


def test_the_variable_itself_counts_more_than_its_file(loaded, tmp_path):
    """When both are there, the file is not even read."""
    result = loaded(DESTINATION, SDK_KEY="direct", SDK_KEY_FILE=str(tmp_path / "nothing-here"))

    assert result.destinations["web"].split.sdk_key.reveal() == "direct"


def test_a_file_may_be_named_itself(loaded, tmp_path):
    """${/path} is what stands in that file, with no variable in between."""
    (tmp_path / "secret").write_text("from-a-file\n")

    found = loaded(DESTINATION.replace("${SDK_KEY}", f"${{{tmp_path}/secret}}"))

    assert found.destinations["web"].split.sdk_key.reveal() == "from-a-file"


@pytest.mark.parametrize("file", ["/nowhere/secret", "/", "/dev/null"])
def test_a_file_that_cant_be_read_is_told_without_its_path(problems, file):
    """The path may be a secret that was mistyped."""
    found = problems(LONELY % f"${{{file}}}" + ONLY_EVENTS)

    assert found == ["4:22: the file is empty, or can't be read as text"]


def test_a_file_that_is_absent_is_no_problem_where_keys_may_be_absent(loaded):
    """A mapping can be looked at on a machine that has none of the secrets."""
    found = loaded(DESTINATION.replace("${SDK_KEY}", "${/nowhere/secret}"), need_secrets=False)

    assert "web" in found.destinations


MISSING = "set the variable NOBODY, or NOBODY_FILE to a file's path"


@pytest.mark.parametrize("environ", [{}, {"NOBODY": ""}, {"NOBODY_FILE": ""}, {"NOBODY_FILE": "/dev/null"}])
def test_a_missing_variable_is_reported_once(problems, environ):
    """An absent or empty variable, or an empty file, is one problem at the place that asks for it."""
    result = problems(LONELY % "${NOBODY}" + ONLY_EVENTS, **environ)

    assert result == [f"4:22: ${{NOBODY}}: {MISSING}"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('redis: {url: "${NOBODY}"}\n', "5:14"),
        ('split: {admin_url: "${NOBODY}/api"}\n', "5:20"),
        ('delivery: {batch_max_events: "${NOBODY}"}\n', "5:30"),
        ('delivery: {timeout_seconds: "${NOBODY}"}\n', "5:29"),
        ('console: {password: "${NOBODY}"}\n', "5:21"),
        ('    write_keys: ["${NOBODY}"]\n', "5:18"),
        ('    identify: {mode: "${NOBODY}"}\n', "5:22"),
        ('    map_identities: {userId: "${NOBODY}"}\n', "5:30"),
    ],
)
def test_a_missing_variable_hides_what_else_its_value_would_be(problems, text, place):
    """No other problem is reported for a value whose variable is missing."""
    result = problems(DESTINATION + text)

    assert result == [f"{place}: ${{NOBODY}}: {MISSING}"]


def test_an_unknown_key_is_reported_even_if_its_variable_is_missing(problems):
    """A missing variable hides only what is wrong with its value."""
    result = problems(DESTINATION + "consol: ${NOBODY}\n")

    assert result == ['5:1: unknown key "consol", did you mean "console"?', f"5:9: ${{NOBODY}}: {MISSING}"]


@pytest.mark.parametrize("file", ["/nowhere/secret", "/", b"\xff"])
@pytest.mark.parametrize("reference", ["${NOBODY}", "${NOBODY:-}"])
def test_a_named_file_that_cant_be_read_is_reported(problems, tmp_path, file, reference):
    """A path that leads to no text is a mistake even where the variable may be absent."""
    if isinstance(file, bytes):
        (tmp_path / "bytes").write_bytes(file)
        file = str(tmp_path / "bytes")

    result = problems(LONELY % reference + ONLY_EVENTS, NOBODY_FILE=file)

    assert result == ["4:22: NOBODY_FILE names a file that can't be read as text"]


@pytest.mark.parametrize("reference", ["${}", "${:-}", "${A B}", "${1A}", "${A-B}", "${A:-default}", "${${A}}"])
def test_a_reference_that_names_no_variable_is_reported(problems, reference):
    """Only ${NAME} and ${NAME:-} are references; the text itself, which may be a secret, is not repeated."""
    result = problems(LONELY % reference + ONLY_EVENTS)

    assert result == ["4:22: write ${NAME}, or ${NAME:-} if it may be absent"]


def test_an_optional_variable_that_is_absent_leaves_its_setting_out(loaded):
    """${NAME:-} without NAME is as if the key did not stand there."""
    result = loaded(DESTINATION + 'console: {password: "${NOBODY:-}"}\nredis: {url: "${NOBODY:-}"}\n')

    assert result.console.password is None
    assert result.redis.url == "embedded"


def test_an_optional_variable_that_is_there_counts(loaded):
    """${NAME:-} with NAME is its value."""
    result = loaded(DESTINATION + 'console: {password: "${SOMEBODY:-}"}\n', SOMEBODY="open")

    assert result.console.password.reveal() == "open"


def test_an_optional_variable_within_a_text_leaves_nothing(loaded):
    """Only a setting that is nothing but the reference is left out; within a text it is an empty one."""
    result = loaded(url("http://split/${NOBODY:-}api"))

    assert result.split.events_url == "http://split/api"


def test_an_absent_item_moves_no_problem_of_the_items_behind_it(problems):
    """An item that is left out does not shift the places of the others."""
    result = problems(DESTINATION + '    signature_secrets: ["${NOBODY:-}", literal, "${SECRET}"]\n')

    assert [problem.partition(": ")[0] for problem in result] == ["5:40"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('console: {pasword: "${NOBODY:-}"}', '5:11: unknown key "pasword", did you mean "password"?'),
        ('    tracks: "${NOBODY:-}"', '5:5: unknown key "tracks", did you mean "track"?'),
        ('consol: "${NOBODY:-}"', '5:1: unknown key "consol", did you mean "console"?'),
        ('consol: {password: "${NOBODY:-}"}', '5:1: unknown key "consol", did you mean "console"?'),
        (
            '    write_keys: {a: "${NOBODY:-}"}',
            "5:17: destinations.web.write_keys: must be a list, such as [a, b]",
        ),
    ],
)
def test_an_unknown_key_is_reported_even_if_its_value_is_left_out(problems, text, problem):
    """A misspelt key does not go unnoticed until somebody sets its variable."""
    result = problems(f"{DESTINATION}{text}\n")

    assert result == [problem]


def test_a_path_whose_traffic_type_is_left_out_is_not_mapped(loaded):
    """Names that the admin chooses may be left out like settings."""
    result = loaded(DESTINATION + '    map_identities: {userId: user, x: "${NOBODY:-}"}\n')

    assert result.destinations["web"].rules.map_identities == {"userId": "user"}


def test_a_required_secret_may_not_be_optional(problems):
    """A key that must be there is missed when its optional variable is absent."""
    result = problems(LONELY % "${NOBODY:-}" + ONLY_EVENTS)

    assert result == [
        (
            "4:22: destinations.web.split.sdk_key: "
            "is required while track, named_pages, named_screens or exposures is enabled"
        )
    ]


def test_for_a_look_at_the_mapping_every_variable_may_be_absent(loaded):
    """Without secrets, settings whose variables are missing or unreadable are left out, in whole or in part."""
    result = loaded(
        url("http://${NOBODY}/api") + 'redis: {url: "redis://:${NOBODY}@host"}\n',
        need_secrets=False,
        SECRET="",
        SDK_KEY="",
        SDK_KEY_FILE="/nowhere",
    )

    assert result.split.events_url == "https://events.split.io/api"
    assert result.redis.url == "embedded"
    assert result.destinations["web"].authorization == ()
    assert result.destinations["web"].split.sdk_key is None


def test_for_a_look_at_the_mapping_nothing_is_required(loaded):
    """A destination may then consist of its name."""
    result = loaded("destinations: {web: {}}\n", need_secrets=False)

    assert result.destinations["web"].rules.track.enabled


def test_a_look_at_the_mapping_still_tells_what_is_wrong(problems):
    """Absent secrets are forgiven; mistakes are not."""
    result = problems('destinations:\n  web: {trak: {}, authorization: ["${A B}"]}\n', need_secrets=False)

    assert result == [
        '2:9: unknown key "trak", did you mean "track"?',
        "2:35: write ${NAME}, or ${NAME:-} if it may be absent",
    ]
