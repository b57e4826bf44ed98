"""Types, ranges and names: what is wrong is reported where it stands, all of it in one run."""

import pytest
from marshmallow import ValidationError

from split_dest.config.schema import SETTINGS
from split_dest.errors import SettingsError
from tests.config.conftest import DESTINATION

#: A line added to a destination or below all of them, where it is wrong in it, and how.
WRONG = [
    # numbers
    ("delivery: {batch_max_events: many}", 30, "delivery.batch_max_events: must be a whole number"),
    ('delivery: {batch_max_events: "10"}', 30, "delivery.batch_max_events: must be a whole number"),
    ("delivery: {batch_max_events: 1.5}", 30, "delivery.batch_max_events: must be a whole number"),
    ("delivery: {batch_max_events: true}", 30, "delivery.batch_max_events: must be a whole number"),
    ("delivery: {batch_max_events: [1]}", 30, "delivery.batch_max_events: must be a whole number"),
    ('delivery: {timeout_seconds: "10"}', 29, "delivery.timeout_seconds: must be a number"),
    ("delivery: {timeout_seconds: yes}", 29, "delivery.timeout_seconds: must be a number"),
    # switches
    ('    track: {enabled: "true"}', 22, "destinations.web.track.enabled: must be true or false"),
    ("    track: {enabled: 1}", 22, "destinations.web.track.enabled: must be true or false"),
    ("    track: {enabled: [true]}", 22, "destinations.web.track.enabled: must be true or false"),
    # texts
    ("    track: {event_type_id: 7}", 28, "destinations.web.track.event_type_id: must be a string"),
    ('    track: {event_type_id: ""}', 28, "destinations.web.track.event_type_id: must not be empty"),
    ("redis: {data_dir: 2026-01-31}", 19, "redis.data_dir: must be a string"),
    # lists
    ("    write_keys: one", 17, "destinations.web.write_keys: must be a list, such as [a, b]"),
    ("    write_keys: [a, 7]", 21, "destinations.web.write_keys.1: must be a string"),
    ('    write_keys: [""]', 18, "destinations.web.write_keys.0: must not be empty"),
    ("    signature_secrets: {}", 24, "destinations.web.signature_secrets: must be a list, such as [a, b]"),
    # sections
    ("    group: false", 12, "destinations.web.group: must be a mapping"),
    ("    track: [enabled]", 12, "destinations.web.track: must be a mapping"),
    ("    map_identities: [userId]", 21, "destinations.web.map_identities: must be a mapping"),
    ("    map_identities: {userId: 7}", 30, "destinations.web.map_identities.userId: must be a string"),
    ("console: open", 10, "console: must be a mapping"),
    # paths
    (
        "    track: {value: 7}",
        20,
        "destinations.web.track.value: must be a path such as properties.revenue, or a list of paths",
    ),
    (
        "    track: {value: [a, 7]}",
        20,
        "destinations.web.track.value: must be a path such as properties.revenue, or a list of paths",
    ),
    (
        "    named_pages: {event_type_id: view_page}",
        34,
        "destinations.web.named_pages.event_type_id: must contain {name}, the place of the page or screen name",
    ),
]


@pytest.mark.parametrize(("line", "column", "problem"), WRONG)
def test_a_wrong_type_is_reported_where_it_stands(problems, line, column, problem):
    """A value of the wrong type gives one problem, at the value."""
    result = problems(DESTINATION + line + "\n")

    assert result == [f"5:{column}: {problem}"]


def test_all_wrong_types_are_reported_in_one_run(problems):
    """Nobody has to run check once for each mistake: all stand in one answer, by line."""
    bare = [line.strip().partition(": ") for line, _, _ in WRONG if line.startswith("    ")]
    text = "destinations:\n" + "".join(
        f'  d{n}:\n    authorization: ["${{SECRET}}"]\n    {key}: {value}\n'
        f'    split: {{sdk_key: "${{SDK_KEY}}", admin_key: "${{ADMIN_KEY}}", workspace_id: w, environment: e}}\n'
        for n, (key, _, value) in enumerate(bare)
    )

    result = problems(text)

    assert [int(problem.partition(":")[0]) for problem in result] == [4 + 4 * n for n in range(len(bare))]


@pytest.mark.parametrize(
    ("section", "name", "good", "bad"),
    [
        ("redis", "wait_replicas", [0, 3], [-1]),
        ("intake", "max_message_bytes", [1, 10**9], [0, -1]),
        ("intake", "max_body_bytes", [1, 10**9], [0]),
        ("intake", "dedupe_hours", [0, 0.5, 720], [-1, 720.1, ".inf", ".nan"]),
        ("intake", "full_at_percent", [1, 100], [0, 101]),
        ("delivery", "batch_max_events", [1, 5000], [0, 5001]),
        ("delivery", "batch_max_bytes", [1000, 1_000_000], [999, 1_000_001]),
        ("delivery", "timeout_seconds", [0.1, 60], [0, 60.5, ".inf"]),
        ("delivery", "give_up_hours", [0.001, 10_000], [0, -1, ".inf"]),
    ],
)
def test_numbers_have_a_range(loaded, section, name, good, bad):
    """The ends of a range belong to it; what lies beyond is refused."""
    for value in good:
        result = loaded(f"{DESTINATION}{section}: {{{name}: {value}}}\n")
        assert getattr(getattr(result, section), name) == value
    for value in bad:
        with pytest.raises(SettingsError, match=rf":5:\d+: {section}\.{name}: "):
            loaded(f"{DESTINATION}{section}: {{{name}: {value}}}\n")


@pytest.mark.parametrize(
    ("key", "good", "bad", "problem"),
    [
        ("identify", "{mode: replace}", "{mode: overwrite}", "must be one of: merge, replace"),
        ("event_type_ids", "{invalid: drop}", "{invalid: keep}", "must be one of: sanitize, drop"),
        ("event_type_ids", "{unrecognizable: hash}", "{unrecognizable: keep}", "must be one of: drop, hash"),
        ("event_type_ids", "{max_length: 80}", "{max_length: 81}", "must be between . and 80"),
        ("attributes", "{nested: flatten}", "{nested: drop}", "must be one of: json, flatten"),
        ("attributes", "{max_length: 255}", "{max_length: 256}", "must be between . and 255"),
        ("properties", "{nested: drop}", "{nested: deep}", "must be one of: flatten, json, drop"),
        ("properties", "{max_length: 256}", "{max_length: 257}", "must be between . and 256"),
        ("properties", "{max_count: 0}", "{max_count: 301}", "must be between . and 300"),
    ],
)
def test_a_rule_has_its_own_choices(loaded, key, good, bad, problem):
    """Each choice and each limit of Split's is reported when it is not kept."""
    loaded(f"{DESTINATION}    {key}: {good}\n")

    with pytest.raises(SettingsError, match=rf":5:\d+: destinations\.web\.{key}\.\w+: .*{problem}"):
        loaded(f"{DESTINATION}    {key}: {bad}\n")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("    tracks: {}", '5:5: unknown key "tracks", did you mean "track"?'),
        ("    track: {evnt_type_id: a}", '5:13: unknown key "evnt_type_id", did you mean "event_type_id"?'),
        ("    track: {excluded: [a]}", '5:13: unknown key "excluded"'),
        ("    identify: {paths: [userId]}", '5:16: unknown key "paths"'),
        ("    group: {x: 1}", '5:13: unknown key "x", known here: enabled'),
        ("    7: {}", '5:5: unknown key "7"'),
        ("Redis: {}", '5:1: unknown key "Redis", did you mean "redis"?'),
        ("redis: {password: x}", '5:9: unknown key "password", known here: url, data_dir, prefix, wait_replicas'),
        ('"<<": {}', '5:1: unknown key "<<"'),
    ],
)
def test_an_unknown_key_is_reported_with_the_one_that_was_meant(problems, line, hint):
    """A key that nobody knows is reported at the key, with the nearest known one or all of them."""
    result = problems(DESTINATION + line + "\n")

    assert len(result) == 1
    assert result[0].startswith(hint)


NAME = "a name has up to 64 letters, digits, dots, dashes and underscores"


@pytest.mark.parametrize("name", ["web", "Web-Production_2.eu", "7", "a" * 64])
def test_a_name_that_fits_an_address_is_taken(loaded, name):
    """A destination's name stands in its endpoint's address and in the keys of Redis."""
    result = loaded(DESTINATION.replace("  web:", f"  {name}:"))

    assert list(result.destinations) == [name]


@pytest.mark.parametrize("name", ["''", "a/b", "a b", "a:b", "-web", ".", "ä", "a" * 65, '"a\\n"', "٣", "'*'"])
@pytest.mark.parametrize("section", ["destinations", "sources"])
def test_a_name_that_fits_no_address_is_reported(problems, name, section):
    """Slashes, blanks, colons and the like would not come back out of an address."""
    result = problems(f"{section}:\n  {name}: {{}}\n")

    assert result[0].startswith("2:3: ")
    assert result[0].endswith(NAME)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8100/api",
        "https://events.split.io/api",
        "https://[::1]:8100/api",
    ],
)
def test_an_address_loses_only_the_slash_at_its_end(loaded, address):
    """Paths are appended to it, so that a slash at its end would stand there twice."""
    result = loaded(DESTINATION + f'split: {{events_url: "{address}", admin_url: "{address}/"}}\n')

    assert (result.split.events_url, result.split.admin_url) == (address, address)


@pytest.mark.parametrize(
    "address",
    [
        "embedded",
        "redis://localhost",
        "redis://localhost:6379/2?socket_timeout=1",
        "rediss://redis.example.com:6380/0",
        "unix:///run/redis.sock?db=1",
        "redis+sentinel://one:26379,two:26379/service/0",
        "redis+sentinel://one:26379/service",
    ],
)
def test_every_kind_of_redis_address_is_taken(loaded, address):
    """Embedded, plain, TLS, a Unix socket, or behind Sentinel."""
    result = loaded(f'{DESTINATION}redis: {{url: "{address}"}}\n')

    assert result.redis.url == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://localhost", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
        ("localhost:6379", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
        ("Embedded", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
    ],
)
def test_what_is_no_redis_address_is_reported(problems, address, problem):
    """An address that the client could not read is reported here, not when it is first used."""
    result = problems(f'{DESTINATION}redis: {{url: "{address}"}}\n')

    assert result == [f"5:14: redis.url: {problem}"]


@pytest.mark.parametrize("prefix", ["", "a:b", "{sd}", "a b", "-a", ".a", "a" * 33, "ä", "a*", "a\n"])
def test_a_prefix_that_could_meet_another_is_refused(prefix: str) -> None:
    """A colon ends it in a key, braces mean something in a cluster, and a star stands for others in users.acl."""
    with pytest.raises(ValidationError) as refused:
        SETTINGS.load({"redis": {"prefix": prefix}})

    assert refused.value.messages == {
        "redis": {"prefix": ["a prefix has up to 32 letters, digits, dots, dashes and underscores"]}
    }


@pytest.mark.parametrize("prefix", ["sd", "a", "staging-2", "A.b_c", "0" * 32])
def test_a_prefix_may_be_as_long_as_a_word(prefix: str) -> None:
    """Letters, digits, dots, dashes and underscores."""
    assert SETTINGS.load({"redis": {"prefix": prefix}}).redis.prefix == prefix
