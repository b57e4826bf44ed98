"""The start of a command: it waits for nothing that only other commands need."""

import orjson

from tests.cli.typed import ended, start

KEYS = {"SPLIT_SDK_KEY": "a", "SPLIT_ADMIN_KEY": "b", "WEB_DEVELOPMENT_SECRET": "c"}
PREVIEW = ("preview", "--config", "config/development.yaml", "--destination", "web-development")
MESSAGE = orjson.dumps({"type": "track", "event": "Tried", "userId": "u-1", "messageId": "m-1"})


def imported(*arguments: str) -> set[str]:
    """Gives the packages that a command imports from its start to its end."""
    found = ended(start(*arguments, environ=KEYS, program=("-X", "importtime", "-m", "split_dest")), text=MESSAGE)
    assert found.code == 0
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in found.err.splitlines()}


def test_preview_starts_without_servers_and_clients():
    """A preview of a message imports what reads settings and maps, and no client, server or screen."""
    packages = imported(*PREVIEW)

    assert {"split_dest", "click", "marshmallow", "yaml"} <= packages
    assert not packages & {"flask", "gunicorn", "honcho", "redis", "rich", "rq", "urllib3"}


def test_what_the_requests_of_a_preview_need_is_imported_for_them():
    """With --requests the client of Split is there, so that the other test sees what is imported late as well."""
    assert "urllib3" in imported(*PREVIEW, "--requests")
