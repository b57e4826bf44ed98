"""check, on paper and live."""

import pytest

from tests.support.commands import ran
from tests.support.sandbox import free_port


def test_good_settings_are_reported_with_their_names(command, settings):
    """The file, and the names of its destinations and sources."""
    result = command("check")

    assert (result.code, result.err) == (0, "")
    assert result.out == f"{settings.file}: good; destinations: web; sources: none\n"


LINE = "    track: {event_type_id: order_completed}\n"


def test_a_warning_has_its_place_and_exit_code_0(command, settings):
    """A name where a path belongs is legal and never leads to anything; check says so, with line and column."""
    settings.file.write_text(settings.file.read_text() + LINE)
    line = settings.file.read_text().count("\n")

    result = command("check")

    assert result.code == 0
    assert result.err == ""
    assert result.out == (
        f"{settings.file}:{line}:28: warning: destinations.web.track.event_type_id: "
        'is a path, and track calls have no field "order_completed"\n'
        f"{settings.file}: good; destinations: web; sources: none\n"
    )


def test_a_warning_fails_a_strict_check(command, settings):
    """With --strict the exit code is 1, so that CI sees it."""
    settings.file.write_text(settings.file.read_text() + LINE)

    result = command("check", "--strict")

    assert result.code == 1
    assert "warning: destinations.web.track.event_type_id" in result.out
    assert result.err == "Error: --strict: 1 warning\n"


def test_good_settings_pass_a_strict_check(command):
    """Without a warning --strict changes nothing."""
    assert command("check", "--strict").code == 0


def test_a_number_of_the_environment_that_cant_be_read_is_refused(typed, settings):
    """Exit code 2, and a sentence that names the variable."""
    environ = {name: value for name, value in settings.environ.items() if name.startswith("TEST_")}

    result = ran("check", "--config", settings.file, environ=environ | {"WORKER_CONCURRENCY": "x"})

    assert result.code == 2
    assert result.err == 'WORKER_CONCURRENCY must be a whole number between 1 and 1000, not "x"\n'


def test_live_everything_is_asked_and_nothing_written(command, sandbox, store):
    """Redis, keys, traffic types and the environment are good; neither Redis nor Split holds anything new."""
    result = command("check", "--live")

    assert (result.code, result.err) == (0, "")
    assert [line.split("(")[0].strip() for line in result.out.splitlines()[1:]] == [
        f"good  Redis version {store.client.info()['redis_version']}",
        "good  Redis maxmemory-policy noeviction",
        "good  Redis appendonly yes",
        "good  web: SDK key: accepted",
        "good  web: admin key and workspace: accepted",
        "good  web: traffic type anonymous",
        "good  web: traffic type user",
        "good  web: environment Production",
    ]
    assert store.client.dbsize() == 0
    assert {kind: sandbox.counts()[kind] for kind in ("events", "identities")} == {"events": 0, "identities": 0}


@pytest.mark.parametrize(
    ("option", "value", "good", "problem"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "Redis maxmemory-policy allkeys-lru (noeviction, else"),
        ("appendonly", "no", "yes", "Redis appendonly no (yes, or a crash loses what was acknowledged)"),
    ],
)
def test_live_a_redis_that_may_lose_messages_is_reported(command, store, option, value, good, problem):
    """A policy that evicts keys, or no append-only file, is not good enough: exit code 1."""
    store.client.config_set(option, value)
    try:
        result = command("check", "--live")
    finally:
        store.client.config_set(option, good)

    assert result.code == 1
    assert f"BAD   {problem}" in result.out
    assert [line[:5] for line in result.out.splitlines()[1:]].count("BAD  ") == 1
    assert result.err == "Error: not ready for production: see above\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "${{TEST_SDK_KEY}}",
            "${{TEST_ADMIN_KEY}}",
            "SDK key: Split or Segment refused the key (401, 402 or 403). (POST /events",
        ),
        ("${{TEST_ADMIN_KEY}}", "${{TEST_SDK_KEY}}", "admin key and workspace: Split or Segment refused the key"),
        ("ws-1", "ws-2", "admin key and workspace: Split has no workspace of the configured id"),
        ("environment: Production", "environment: Prod", "environment Prod (Split has: Production, Staging)"),
        (
            "environment: Production\n",
            "environment: Production\n    map_identities: {userId: customer}\n",
            "traffic type customer (Split has: account, anonymous, auction, partner, user)",
        ),
        (
            "environment: Production\n",
            "environment: Production\n      traffic_types: [user, anonymous, client]\n",
            "traffic type client (Split has: ",
        ),
    ],
)
def test_live_what_split_does_not_know_is_reported(command, settings, old, new, problem):
    """A wrong key, workspace, environment or traffic type is reported with what Split has; exit code 1."""
    old, new = old.replace("{{", "{").replace("}}", "}"), new.replace("{{", "{").replace("}}", "}")
    settings.file.write_text(settings.file.read_text().replace(old, new))

    result = command("check", "--live")

    assert result.code == 1
    bad = [line for line in result.out.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert bad[0].startswith(f"BAD   web: {problem}")


def test_live_the_environment_may_be_named_by_its_id(command, settings):
    """Split's id of an environment counts as well as its name."""
    settings.file.write_text(
        settings.file.read_text().replace("environment: Production", "environment: env-staging")
    )

    result = command("check", "--live")

    assert result.code == 0
    assert "good  web: environment env-staging" in result.out


def test_live_what_is_not_needed_is_not_asked(command, settings):
    """A destination without identities needs no environment, and one without an SDK key no events."""
    text = (
        settings.file.read_text()
        .replace("      environment: Production\n", "")
        .replace("      sdk_key: ", "      #")
    )
    off = "".join(f"    {name}: {{enabled: false}}\n" for name in ("identify", "group", "track", "named_pages"))
    settings.file.write_text(text + off + "    named_screens: {enabled: false}\n")

    result = command("check", "--live")

    assert result.code == 0
    assert "environment" not in result.out
    assert "SDK key" not in result.out


def test_live_split_away_is_reported_for_each_call(command, settings, sandbox):
    """Nobody listens where Split should be: both calls are reported, with what went wrong."""
    settings.file.write_text(settings.file.read_text().replace(sandbox.url, f"http://127.0.0.1:{free_port()}"))

    result = command("check", "--live")

    assert result.code == 1
    bad = [line for line in result.out.splitlines() if line.startswith("BAD")]
    assert [line.partition("(")[2].partition(":")[0].rstrip(")") for line in bad] == [
        "POST /events/bulk",
        "GET /trafficTypes/ws/…",
    ]


def test_live_redis_away_is_reported_and_split_asked_all_the_same(away, settings):
    """One thing that is away hides nothing about the other; in a separate process."""
    result = ran("check", "--live", "--config", away, environ=settings.environ | {"SPLIT_DEST_CONFIG": "nowhere"})

    assert result.code == 1
    assert "BAD   Redis: ConnectionError\n" in result.out
    assert "good  web: SDK key: accepted\n" in result.out


@pytest.mark.parametrize(
    ("key", "good", "text"),
    [
        ("TEST_WRITE_KEY", True, "not refused, but Segment accepts unknown keys too; "),
        ("TEST_SDK_KEY", False, "Split or Segment refused the key (401, 402 or 403). (POST /batch: 401: "),
    ],
)
def test_live_segment_is_sent_an_empty_batch(command, settings, sandbox, key, good, text):
    """A key that is refused is wrong; of one that is not refused Segment does not say whether it is right."""
    sources = f'sources: {{flags: {{tokens: ["${{TEST_SECRET}}"], write_key: "${{{key}}}"}}}}\n'
    settings.file.write_text(settings.file.read_text() + f"segment: {{url: {sandbox.url}/v1}}\n" + sources)

    result = command("check", "--live")

    assert f"{'good' if good else 'BAD '}  flags: write key: {text}" in result.out
    assert result.code == (0 if good else 1)
    assert sandbox.counts()["tracks"] == 0


def test_live_segment_away_is_reported(command, settings):
    """The write key is tried where Segment is said to be."""
    sources = 'sources: {flags: {tokens: ["${TEST_SECRET}"], write_key: "${TEST_WRITE_KEY}"}}\n'
    url = f"segment: {{url: 'http://127.0.0.1:{free_port()}/v1'}}\n"
    settings.file.write_text(settings.file.read_text() + url + sources)

    result = command("check", "--live")

    assert result.code == 1
    assert "BAD   flags: write key: Can't connect to Split or Segment" in result.out
