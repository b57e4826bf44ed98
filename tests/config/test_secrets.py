"""Secrets stand nowhere but where they are used."""

import pytest

from split_dest.config.settings import Secret
from tests.config.conftest import DESTINATION

CANARY = "kanari-7f3a"
SOURCE = 'sources:\n  flags:\n    tokens: ["${SECRET}"]\n    write_key: %s\n'
LITERAL = "a secret must not stand in the file: write ${NAME} and set the variable NAME"

EVERY_SECRET = [
    ("console: {password: %s}\n", "5:21: console.password"),
    ("    signature_secrets: [%s]\n", "5:25: destinations.web.signature_secrets.0"),
    ("  app:\n    authorization: [%s]\n", "6:21: destinations.app.authorization.0"),
    (
        '  app:\n    authorization: ["${SECRET}"]\n    split: {sdk_key: %s}\n',
        "7:22: destinations.app.split.sdk_key",
    ),
    (
        '  app:\n    authorization: ["${SECRET}"]\n    split: {admin_key: %s}\n',
        "7:24: destinations.app.split.admin_key",
    ),
    (SOURCE, "8:16: sources.flags.write_key"),
    ('sources:\n  flags: {write_key: "${SECRET}", tokens: [%s]}\n', "6:44: sources.flags.tokens.0"),
    (SOURCE % "${SECRET}" + "    split: {admin_key: %s}\n", "9:24: sources.flags.split.admin_key"),
]
#: Forms of a literal secret: YAML reads some of them as something else.
LITERALS = [CANARY, f'"{CANARY}${{"', f'"{CANARY}${{NOBODY:-}}"', f"!{CANARY} {CANARY}", "12345", "true", "[a]"]


@pytest.mark.parametrize(("text", "place"), EVERY_SECRET)
@pytest.mark.parametrize("literal", LITERALS)
def test_a_secret_in_the_file_is_reported_and_not_shown(problems, text, place, literal):
    """Wherever a secret belongs, one that stands there itself is refused, and the refusal does not repeat it."""
    result = problems(DESTINATION + text % literal)

    assert f"{place}: {LITERAL}" in result
    assert CANARY not in "".join(result)


@pytest.mark.parametrize(
    "broken",
    [
        f"sdk_key: *{CANARY}",
        f"sdk_key: !{CANARY}!x y",
        f'sdk_key: "{CANARY}',
        f"sdk_key: @{CANARY}",
        f"sdk_key: {{{CANARY}: [",
        f'sdk_key: "{CANARY}" {CANARY}',
        f"sdk_key: ${{{CANARY}}}",
    ],
)
def test_yaml_that_cant_be_read_shows_no_secret(problems, broken):
    """A secret that happens to be YAML's own punctuation is not repeated by the parser's complaint."""
    result = problems(f"destinations:\n  web:\n    split:\n      {broken}\n")

    assert result
    assert CANARY not in "".join(result)


@pytest.mark.parametrize(("text", "place"), EVERY_SECRET)
@pytest.mark.parametrize(
    "kept", [f"{CANARY}\n", f"{CANARY}\x00", f"{CANARY}\x7f", f"{CANARY}\r\nX: y", f"{CANARY}\udcff"]
)
def test_a_secret_that_no_header_could_hold_is_reported_and_not_shown(problems, text, place, kept):
    """A line break within a secret would end its header; it is refused at the place that asks for it."""
    result = problems(DESTINATION + text % '"${KEPT}"', KEPT=kept)

    assert [problem for problem in result if problem.startswith(f"{place}: the variable holds a ")]
    assert CANARY not in "".join(result)


@pytest.mark.parametrize("place", ["sdk_key", "admin_key"])
def test_a_key_is_ascii(problems, place):
    """HTTP can't carry another character in a header, so no key of Split's has one."""
    variable = place.upper()

    result = problems(DESTINATION, **{variable: "schlüssel"})

    assert len(result) == 1
    assert f"destinations.web.split.{place}: the variable holds a character that no key has" in result[0]


def test_an_endpoint_may_have_a_secret_of_any_letters(loaded):
    """The sender chooses the secret; the endpoint compares bytes."""
    result = loaded(DESTINATION, SECRET="schlüssel")

    assert result.destinations["web"].authorization[0].reveal() == "schlüssel"


def test_settings_show_no_secret(loaded):
    """Neither repr nor str of the settings, nor of any part, holds what the environment gave as a secret."""
    text = (
        DESTINATION
        + '    signature_secrets: ["${SECRET}"]\n'
        + SOURCE % "${SECRET}"
        + '    split: {admin_key: "${SECRET}"}\nconsole: {password: "${SECRET}"}\n'
        + 'redis: {url: "redis://user:${SECRET}@host:6379/0"}\n'
    )

    result = loaded(text, **dict.fromkeys(["SECRET", "SDK_KEY", "ADMIN_KEY"], CANARY))

    shown = f"{result!r} {result} {result.redis} {result.destinations} {result.sources!r} {result.console}"
    assert CANARY not in shown
    assert "****" in shown
    assert CANARY in result.redis.url


def test_a_secret_is_shown_as_stars_and_revealed_on_request():
    """Formatting of every kind gives stars; only reveal gives the value."""
    secret = Secret(CANARY)

    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret, repr([secret])]  # noqa: UP031

    assert shown == ["****"] * 5 + ["[****]"]
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    "address",
    [
        f"redis://:{CANARY}@host:6379/0",
        f"rediss://user:{CANARY}@host",
        f"redis+sentinel://:{CANARY}@host:26379/service/0",
        f"redis://host/0?password={CANARY}",
        f"unix:///redis.sock?db=1&password={CANARY}",
        f"redis://:{CANARY}@${{HOST}}",
    ],
)
def test_a_password_of_redis_in_the_file_is_reported_and_not_shown(problems, address):
    """The password of Redis is a secret like the others, wherever redis-py would read it."""
    result = problems(DESTINATION + f'redis: {{url: "{address}"}}\n', HOST="host")

    assert result == ["5:14: redis.url: the password must not stand in the file: write redis://:${NAME}@host"]


@pytest.mark.parametrize(
    "address",
    [
        "redis://:${KEPT}@host:6379/0",
        "redis+sentinel://:${KEPT}@host:26379/service",
        "redis://host?password=${KEPT}",
    ],
)
def test_a_password_of_redis_out_of_a_variable_is_taken(loaded, address):
    """A reference may stand within the address."""
    result = loaded(DESTINATION + f'redis: {{url: "{address}"}}\n', KEPT=CANARY)

    assert CANARY in result.redis.url


def test_a_password_that_breaks_the_address_is_reported_and_not_shown(problems):
    """A slash in a password ends the host for every reader of addresses; it must be percent-encoded."""
    result = problems(DESTINATION + 'redis: {url: "redis://:${KEPT}@host"}\n', KEPT=f"{CANARY}/x")

    assert result == [
        "5:14: redis.url: is not a Redis address: / ? # [ ] and @ in a password must be percent-encoded"
    ]
