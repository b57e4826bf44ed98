"""Types, ranges and names: what is wrong is told where it stands, all of it in one run."""

import pytest

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
    ("    track: {event_type_id: 7}", 28, "destinations.web.track.event_type_id: must be a text"),
    ('    track: {event_type_id: ""}', 28, "destinations.web.track.event_type_id: must not be empty"),
    ("redis: {data_dir: 2026-01-31}", 19, "redis.data_dir: must be a text"),
    # lists
    ("    write_keys: one", 17, "destinations.web.write_keys: must be a list, such as [a, b]"),
    ("    write_keys: [a, 7]", 21, "destinations.web.write_keys.1: must be a text"),
    ('    write_keys: [""]', 18, "destinations.web.write_keys.0: must not be empty"),
    ("    signature_secrets: {}", 24, "destinations.web.signature_secrets: must be a list, such as [a, b]"),
    # sections
    ("    group: false", 12, "destinations.web.group: must hold keys and values"),
    ("    track: [enabled]", 12, "destinations.web.track: must hold keys and values"),
    ("    map_identities: [userId]", 21, "destinations.web.map_identities: must hold keys and values"),
    ("    map_identities: {userId: 7}", 30, "destinations.web.map_identities.userId: must be a text"),
    ("console: open", 10, "console: must hold keys and values"),
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
        "destinations.web.named_pages.event_type_id: must hold {name}, the place of the page's or screen's name",
    ),
]


@pytest.mark.parametrize(("line", "column", "problem"), WRONG)
def test_a_wrong_type_is_told_where_it_stands(told, line, column, problem):
    """A value of the wrong type gives one problem, at the value."""
    found = told(DESTINATION + line + "\n")

    assert found == [f"5:{column}: {problem}"]


def test_all_wrong_types_are_told_in_one_run(told):
    """Nobody has to run check once for each mistake: all stand in one answer, by line."""
    bare = [line.strip().partition(": ") for line, _, _ in WRONG if line.startswith("    ")]
    text = "destinations:\n" + "".join(
        f'  d{n}:\n    authorization: ["${{SECRET}}"]\n    {key}: {value}\n'
        f'    split: {{sdk_key: "${{SDK_KEY}}", admin_key: "${{ADMIN_KEY}}", workspace_id: w, environment: e}}\n'
        for n, (key, _, value) in enumerate(bare)
    )

    found = told(text)

    assert [int(problem.partition(":")[0]) for problem in found] == [4 + 4 * n for n in range(len(bare))]


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
        found = loaded(f"{DESTINATION}{section}: {{{name}: {value}}}\n")
        assert getattr(getattr(found, section), name) == value
    for value in bad:
        with pytest.raises(SettingsError, match=rf":5:\d+: {section}\.{name}: "):
            loaded(f"{DESTINATION}{section}: {{{name}: {value}}}\n")


@pytest.mark.parametrize(
    ("key", "good", "bad", "problem"),
    [
        ("identify", "{mode: replace}", "{mode: overwrite}", "Must be one of: merge, replace."),
        ("event_type_ids", "{invalid: drop}", "{invalid: keep}", "Must be one of: sanitize, drop."),
        ("event_type_ids", "{max_length: 80}", "{max_length: 81}", "less than or equal to 80"),
        ("attributes", "{nested: flatten}", "{nested: drop}", "Must be one of: json, flatten."),
        ("attributes", "{max_length: 255}", "{max_length: 256}", "less than or equal to 255"),
        ("properties", "{nested: drop}", "{nested: deep}", "Must be one of: flatten, json, drop."),
        ("properties", "{max_length: 256}", "{max_length: 257}", "less than or equal to 256"),
        ("properties", "{max_count: 0}", "{max_count: 301}", "less than or equal to 300"),
    ],
)
def test_a_rule_has_its_own_choices(loaded, key, good, bad, problem):
    """Each choice and each limit of Split's is told when it is not kept."""
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
        ("redis: {password: x}", '5:9: unknown key "password", known here: url, data_dir, wait_replicas'),
        ("<<: {}", '5:1: unknown key "<<"'),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(told, line, hint):
    """A key that nobody knows is told at the key, with the nearest known one or all of them."""
    found = told(DESTINATION + line + "\n")

    assert len(found) == 1
    assert found[0].startswith(hint)


NAME = "a name has up to 64 letters, digits, dots, dashes and underscores"


@pytest.mark.parametrize("name", ["web", "Web-Production_2.eu", "7", "a" * 64])
def test_a_name_that_fits_an_address_is_taken(loaded, name):
    """A destination's name stands in its door's address and in the keys of Redis."""
    found = loaded(DESTINATION.replace("  web:", f"  {name}:"))

    assert list(found.destinations) == [name]


@pytest.mark.parametrize("name", ["''", "a/b", "a b", "a:b", "-web", ".", "ä", "a" * 65, '"a\\n"', "٣", "'*'"])
@pytest.mark.parametrize("section", ["destinations", "sources"])
def test_a_name_that_fits_no_address_is_told(told, name, section):
    """Slashes, blanks, colons and the like would not come back out of an address."""
    found = told(f"{section}:\n  {name}: {{}}\n")

    assert found[0].startswith("2:3: ")
    assert found[0].endswith(NAME)


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
    found = loaded(DESTINATION + f'split: {{events_url: "{address}", admin_url: "{address}/"}}\n')

    assert (found.split.events_url, found.split.admin_url) == (address, address)


@pytest.mark.parametrize(
    "address",
    ["events.split.io", "ftp://split", "https://", "https:///api", "http://[", "http://[::1", "http://a:b/", "''"],
)
@pytest.mark.parametrize("place", ["split: {events_url", "split: {admin_url", "segment: {url"])
def test_what_is_no_address_is_told(told, address, place):
    """Only an address that can be called is one."""
    given = address if address == "''" else f'"{address}"'

    found = told(f"{DESTINATION}{place}: {given}}}\n")

    assert len(found) == 1
    assert found[0].endswith("url: must be an address such as https://events.split.io/api")


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
    found = loaded(f'{DESTINATION}redis: {{url: "{address}"}}\n')

    assert found.redis.url == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://localhost", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
        ("localhost:6379", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
        ("Embedded", "must be embedded, or begin with redis://, rediss://, unix://, redis+sentinel://"),
        ("redis://[::1", "is no address of Redis; / ? # and @ in a password must be percent-encoded"),
        ("redis://localhost:port", "is no address of Redis; / ? # and @ in a password must be percent-encoded"),
        (
            "redis://localhost?databas=2",
            "is no address of Redis; / ? # and @ in a password must be percent-encoded",
        ),
        ("redis://localhost?db=two", "is no address of Redis; / ? # and @ in a password must be percent-encoded"),
        (
            "redis+sentinel://one/service",
            "is no address of Redis; / ? # and @ in a password must be percent-encoded",
        ),
        (
            "redis+sentinel://one:26379",
            "is no address of Redis; / ? # and @ in a password must be percent-encoded",
        ),
    ],
)
def test_what_is_no_redis_address_is_told(told, address, problem):
    """An address that the client could not read is told here, not when it is first used."""
    found = told(f'{DESTINATION}redis: {{url: "{address}"}}\n')

    assert found == [f"5:14: redis.url: {problem}"]
