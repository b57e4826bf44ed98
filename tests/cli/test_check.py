"""check, on paper and live."""

import pytest

from tests.cli.typed import ran
from tests.support.sandbox import free_port


def test_good_settings_are_told_with_their_names(command, settings):
    """The file, and whose destinations and sources stand in it."""
    found = command("check")

    assert (found.code, found.err) == (0, "")
    assert found.out == f"{settings.file}: good; destinations: web; sources: none\n"


@pytest.mark.parametrize("line", ["event_type_id: order_completed", "value: [properties.total, revenue]"])
def test_a_path_that_leads_nowhere_is_advised_against(command, settings, line):
    """A name where a path belongs is legal and never finds anything; check says so."""
    settings.file.write_text(settings.file.read_text() + f"    track: {{{line}}}\n")

    found = command("check")

    path = line.rstrip("]").split()[-1]
    assert found.code == 0
    assert found.out.startswith(
        f'{settings.file}: destination web: "{path}" is read as a path in the message, and '
    )


def test_live_everything_is_asked_and_nothing_written(command, sandbox, store):
    """Redis, keys, traffic types and the environment are good; neither Redis nor Split holds anything new."""
    found = command("check", "--live")

    assert (found.code, found.err) == (0, "")
    assert [line.split("(")[0].strip() for line in found.out.splitlines()[1:]] == [
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
    ("option", "value", "good", "told"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "Redis maxmemory-policy allkeys-lru (noeviction, else"),
        ("appendonly", "no", "yes", "Redis appendonly no (yes, or a crash loses what was acknowledged)"),
    ],
)
def test_live_a_redis_that_may_lose_messages_is_told(command, store, option, value, good, told):
    """A policy that evicts keys, or no append-only file, is not good enough: exit code 1."""
    store.client.config_set(option, value)
    try:
        found = command("check", "--live")
    finally:
        store.client.config_set(option, good)

    assert found.code == 1
    assert f"BAD   {told}" in found.out
    assert [line[:5] for line in found.out.splitlines()[1:]].count("BAD  ") == 1
    assert found.err == "Error: not ready for production: see above\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
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
def test_live_what_split_does_not_know_is_told(command, settings, old, new, told):
    """A wrong key, workspace, environment or traffic type is told with what Split has; exit code 1."""
    old, new = old.replace("{{", "{").replace("}}", "}"), new.replace("{{", "{").replace("}}", "}")
    settings.file.write_text(settings.file.read_text().replace(old, new))

    found = command("check", "--live")

    assert found.code == 1
    bad = [line for line in found.out.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert bad[0].startswith(f"BAD   web: {told}")


def test_live_the_environment_may_be_named_by_its_id(command, settings):
    """Split's id of an environment counts as well as its name."""
    settings.file.write_text(
        settings.file.read_text().replace("environment: Production", "environment: env-staging")
    )

    found = command("check", "--live")

    assert found.code == 0
    assert "good  web: environment env-staging" in found.out


def test_live_what_is_not_needed_is_not_asked(command, settings):
    """A destination without identities needs no environment, and one without an SDK key no events."""
    text = (
        settings.file.read_text()
        .replace("      environment: Production\n", "")
        .replace("      sdk_key: ", "      #")
    )
    off = "".join(f"    {name}: {{enabled: false}}\n" for name in ("identify", "group", "track", "named_pages"))
    settings.file.write_text(text + off + "    named_screens: {enabled: false}\n")

    found = command("check", "--live")

    assert found.code == 0
    assert "environment" not in found.out
    assert "SDK key" not in found.out


def test_live_split_away_is_told_for_each_call(command, settings, sandbox):
    """Nobody listens where Split should be: both calls are told, with what went wrong."""
    settings.file.write_text(settings.file.read_text().replace(sandbox.url, f"http://127.0.0.1:{free_port()}"))

    found = command("check", "--live")

    assert found.code == 1
    bad = [line for line in found.out.splitlines() if line.startswith("BAD")]
    assert [line.partition("(")[2].partition(":")[0].rstrip(")") for line in bad] == [
        "POST /events/bulk",
        "GET /trafficTypes/ws/…",
    ]


def test_live_redis_away_is_told_and_split_asked_all_the_same(away, settings):
    """One thing that is away hides nothing about the other; in a process of its own."""
    found = ran("check", "--live", "--config", away, environ=settings.environ | {"SPLIT_DEST_CONFIG": "nowhere"})

    assert found.code == 1
    assert "BAD   Redis: ConnectionError\n" in found.out
    assert "good  web: SDK key: accepted\n" in found.out
