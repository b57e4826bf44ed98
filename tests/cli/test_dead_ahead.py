"""dead: letters whose ids are ahead of Redis's clock, which has gone back or is that of another server now."""

import orjson
import pytest

from split_dest.inbox import ledger
from tests.cli.test_dead import GOOD, keep

HOUR_MS = 3_600_000


@pytest.fixture
def ahead(settings, store):
    """One letter of an hour ahead, one that became one after it, and one of an older version that lacks fields."""
    then = store.now_ms() + HOUR_MS
    of_then = {"lane": "events", "reason": "gave_up", "detail": "", "m": orjson.dumps(GOOD), "t": then}
    store.client.xadd("sd:web:dead", of_then, f"{then}-0")
    store.client.hset("sd:web:counts", mapping={"events:received": 1, "events:dead": 1})
    keep(store, GOOD | {"messageId": "m-2"})
    store.client.xadd("sd:web:dead", {"reason": "of_2031"})
    return then


def test_they_are_listed(command, ahead):
    """All of them, those without a lane or a known reason as well; nothing of it ends in a traceback."""
    result = command("dead", "list", "--json")

    assert [letter["reason"] for letter in result.json] == ["gave_up", "gave_up", "of_2031"]
    assert result.json[0]["deadMs"] == ahead
    assert "of_2031: A reason of another version" in command("dead", "list").out
    assert command("dead", "show", result.json[2]["id"]).code == 0


def test_times_narrow_them_down(command, ahead):
    """Their own times count: since an hour ago takes them in, until then leaves them out."""
    assert len(command("dead", "list", "--json", "--since", "1h").json) == 3
    assert command("dead", "list", "--json", "--until", "1s").json == []


def test_they_are_replayed_and_dropped(command, ahead, store):
    """Those that can be read go back to their lane, and the other one is dropped."""
    replayed = command("dead", "replay", "--all", "--yes")
    dropped = command("dead", "drop", "--all", "--yes")

    assert replayed.out == "2 replayed, 1 skipped (would be refused again)\n"
    assert dropped.out == "1 dropped\n"
    numbers = ledger.read(store, ["web"]).lanes["web", "events"]
    assert (numbers.received, numbers.pending, numbers.dead) == (2, 2, 0)
