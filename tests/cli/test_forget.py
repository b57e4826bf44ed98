"""What is left of a destination that the settings name no more: seen, handled, and forgotten."""

import orjson
import pytest

from split_dest.inbox import intake, ledger, owners
from split_dest.inbox.intake import AcceptOptions
from split_dest.mapping.acceptance import Item
from tests.end_to_end.test_impressions import SOURCE
from tests.support.service import tracks

FORMER = "former: 4 waiting, 2 dead"


def keep(store, owner="former"):
    """Store four messages of a destination in two lanes, and two dead letters, with their claims."""
    items = [Item(("events",), f"e-{n}", orjson.dumps(tracks(1, n)[0])) for n in range(3)]
    items += [Item(("identities",), "i-1", b'{"type":"identify","userId":"u"}')]
    items += [Item(("events",), f"d-{n}", b'{"type":"track"}', "event_not_defined") for n in range(2)]
    intake.accept(store, items, AcceptOptions(owner, 24))


@pytest.fixture
def former(settings):
    """Messages of a destination that the settings do not name."""
    keep(settings.store)
    return settings


def keys(store, owner):
    """Return all keys of an owner."""
    return sorted(store.client.keys(f"sd:{owner}:*"))


def test_status_shows_what_nobody_delivers(command, former):
    """A line says how much it is and what to do; --json has the numbers."""
    shown, numbers = command("status"), command("status", "--json").json[0]["unlisted"]

    assert "former is not in the settings: 4 waiting, 2 dead" in shown.out
    assert "`split-dest forget former`" in shown.out
    assert numbers == {"former": {"pending": 4, "dead": 2, "is_moved": False}}


def test_check_warns_of_it_and_strict_fails(command, former):
    """Only with --live, for it stands in Redis."""
    live, strict = command("check", "--live"), command("check", "--live", "--strict")

    assert "warning: former is not in the settings: 4 waiting, 2 dead" in live.out
    assert live.err == ""
    assert strict.code == 1
    assert "--strict: 1 warning" in strict.err
    assert "former" not in command("check").out


def test_metrics_and_the_log_name_it(former):
    """/metrics has its numbers, and workers that start say them."""
    former.start_web()
    former.start_workers(1)
    former.wait_until(
        lambda: '"owner_unlisted","destination":"former","pending":4,"dead":2' in former.log("worker")
    )
    text = former.http.request("GET", f"{former.url}/metrics").data.decode()

    assert 'split_dest_unlisted_pending{destination="former"} 4.0' in text
    assert 'split_dest_unlisted_dead{destination="former"} 2.0' in text


def test_nothing_is_said_of_one_that_is_empty(command, former):
    """A destination that was removed when nothing was left of it is no news."""
    command("dead", "drop", "--destination", "former", "--all", "--yes")
    for lane in ("events", "identities"):
        former.store.client.delete(f"sd:former:{lane}:stream")

    assert "former" not in command("status").out


def test_dead_letters_of_it_are_listed_shown_and_dropped(command, former):
    """By its name, by their ids, and among all others."""
    listed = command("dead", "list", "--json").json
    named = command("dead", "list", "--json", "--destination", "former").json
    shown = command("dead", "show", listed[0]["id"])
    dropped = command("dead", "drop", "--destination", "former", "--yes")

    assert [letter["destination"] for letter in listed] == ["former"] * 2
    assert named == listed
    assert orjson.loads(shown.out)["destination"] == "former"
    assert dropped.out == "2 dropped\n"


def test_replay_says_that_nobody_delivers_it(command, former):
    """Its letters stay, and the reason is told."""
    tried, done = command("dead", "replay", "--all", "--dry-run"), command("dead", "replay", "--all", "--yes")

    assert tried.out.count("would be refused again: unknown_destination (nobody delivers it)") == 2
    assert done.out == "0 replayed, 2 skipped (would be refused again)\n"
    assert owners.left(former.store, ["former"])[0].dead == 2


def test_letters_from_before_names_were_written_down_are_found_by_name(command, former):
    """An older version kept no list of names."""
    former.store.client.delete("sd:owners")

    assert len(command("dead", "list", "--json", "--destination", "former").json) == 2
    assert "former: 4 waiting" in command("forget", "former", "--yes").out


def test_forget_deletes_all_that_is_left_of_it(command, former):
    """Streams, letters, counts, claims: nothing of it stays, and nothing of others goes."""
    keep(former.store, "web")
    keep(former.store, "former-2")
    former.store.client.set("sd:former:0123:names", "{}")
    former.store.client.hset("sd:former:events:rest", "until_ms", 0)
    others = keys(former.store, "web"), keys(former.store, "former-2")

    result = command("forget", "former", "--yes")

    assert result.code == 0
    assert result.out.startswith(f"{FORMER}; ")
    assert keys(former.store, "former") == []
    assert others == (keys(former.store, "web"), keys(former.store, "former-2"))
    assert "former " not in command("status").out
    assert ledger.read(former.store, ["web"]).lanes["web", "events"].pending == 3


@pytest.mark.parametrize("name", ["rq", "watch", "settings"])
def test_a_destination_may_be_called_what_other_keys_begin_with(command, settings, name):
    """To forget it harms neither RQ's keys nor those that belong to nobody."""
    keep(settings.store, name)
    others = {"sd:rq:queue:drains", "sd:rq:workers", "sd:watch:1", "sd:settings:seen", "sd:workers"}
    for key in others:
        settings.store.client.zadd(key, {"one": 1})

    assert command("forget", name, "--yes").code == 0

    assert {key.decode() for key in settings.store.client.keys("sd:*")} - {"sd:owners", "sd:deployment"} == others


@pytest.mark.parametrize("name", ["*", "f*", "[f]ormer", "former:events"])
def test_a_pattern_is_no_name(command, former, name):
    """What stands for several names deletes nothing."""
    before = keys(former.store, "former")

    result = command("forget", name, "--yes")

    assert result.out == f"{name}: Redis has nothing of it\n"
    assert keys(former.store, "former") == before


def test_what_the_settings_name_is_not_forgotten(command, settings):
    """It would come back with the next message."""
    keep(settings.store, "web")

    result = command("forget", "web", "--yes")

    assert (result.code, result.out) == (2, "")
    assert 'the settings name "web"' in result.err
    assert owners.left(settings.store, ["web"])[0].pending == 4


def test_what_live_workers_know_is_not_forgotten(command, settings):
    """Their settings are newer or older than those of the command, and they deliver it."""
    former = settings.file.read_text()
    settings.file.write_text(former.replace("  web:", "  web: &it") + "  former: *it\n")
    settings.start_workers(1)
    settings.wait_until(lambda: settings.store.client.hlen("sd:settings") == 1)
    settings.file.write_text(former)

    result = command("forget", "former", "--yes")

    assert (result.code, result.out) == (1, "")
    assert 'live workers know "former"' in result.err


@pytest.fixture
def moved(settings):
    """The name of a source that was a destination before, with what it left as that."""
    keep(settings.store, "flags")
    settings.file.write_text(settings.file.read_text() + SOURCE.format(sandbox="http://127.0.0.1:1"))
    intake.accept(settings.store, [Item(("tracks",), "t-1", b"{}")], AcceptOptions("flags", 24))
    return settings


def test_what_a_name_was_before_is_seen(command, moved):
    """Its lanes of today are not of it, and its letters are listed once."""
    sentence = "flags is not in the settings as what it was: 4 waiting, 2 dead"

    assert sentence in command("status").out
    assert sentence in command("check", "--live").out
    assert command("status", "--json").json[0]["unlisted"] == {
        "flags": {"pending": 4, "dead": 2, "is_moved": True}
    }
    assert len(command("dead", "list", "--json").json) == 2


def test_only_what_a_name_was_before_is_forgotten(command, moved):
    """The lane that it has today stays, the numbers of the others still add up, and the next time is refused."""
    result, again = command("forget", "flags", "--yes"), command("forget", "flags", "--yes")

    assert (result.code, result.out) == (0, "flags: 4 waiting, 2 dead; 2 keys deleted\n")
    assert (again.code, again.out) == (2, "")
    assert 'the settings name "flags"' in again.err
    taken = ledger.read(moved.store, ["flags"], []).lanes
    assert taken["flags", "events"].filtered == {"dropped": 5}
    assert (taken["flags", "events"].received, taken["flags", "events"].dead) == (5, 0)
    assert ledger.read(moved.store, [], ["flags"]).lanes["flags", "tracks"].pending == 1
    assert command("dead", "list", "--json").json == []
    assert "flags is not" not in command("status").out


def test_a_person_is_asked_and_may_say_no(run_shown, terminal, former):
    """The question says how much it is; no deletes nothing."""
    assert run_shown("forget", "former", "--config", former.file, typing="n\n") == 1

    assert f"{FORMER}. Delete all for good?" in terminal.text
    assert owners.left(former.store, ["former"])[0] == (4, 2, False)


def test_without_a_terminal_a_yes_is_needed(command, former):
    """A script must say that it means it."""
    result = command("forget", "former")

    assert result.code == 2
    assert "add --yes" in result.err
    assert owners.left(former.store, ["former"])[0] == (4, 2, False)
