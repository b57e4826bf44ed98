"""Sources in the commands: their numbers, their dead letters, their settings."""

import re

import pytest

from split_dest.inbox import dead_letters, intake, ledger
from split_dest.inbox.intake import AcceptOptions
from split_dest.mapping.acceptance import impression_item

SOURCE = """
sources:
  flags:
    tokens: ["${TEST_SECRET}"]
    write_key: ${TEST_WRITE_KEY}
    split: {admin_key: "${TEST_ADMIN_KEY}", workspace_id: ws-1}
"""
IMPRESSION = {"key": "u-1", "split": "checkout_button", "treatment": "on", "time": 1768469400250}


@pytest.fixture
def letters(settings, store):
    """A source's lane with one impression that waits and two dead letters, one of them too large."""
    settings.file.write_text(settings.file.read_text() + SOURCE)
    found = [IMPRESSION, IMPRESSION | {"label": "x" * 500}, IMPRESSION | {"key": "u-2"}]
    items = [impression_item(each, 400 if "label" in each else 32_768) for each in (*found[1:], {"key": "u"})]
    intake.accept(store, [*items, impression_item(IMPRESSION, 32_768)], AcceptOptions("flags", 0))
    return list(dead_letters.browse(store, "flags"))


def test_a_source_stands_beside_the_destinations(command, letters):
    """Its lane is shown with its name, and apart in JSON."""
    table, found = command("status"), command("status", "--json")

    numbers = found.json[0]["sources"]["flags"]["tracks"]
    assert (numbers["received"], numbers["pending"], numbers["dead"]) == (4, 2, 2)
    assert list(found.json[0]["destinations"]) == ["web"]
    rows = [line.split()[:9] for line in table.out.splitlines()]
    assert ["flags", "tracks", "4", "0", "0", "0", "2", "0", "2"] in rows


def test_its_dead_letters_are_replayed_by_its_own_rules(command, store, letters):
    """What the endpoint takes today waits again; what is incomplete stays."""
    found = command("dead", "replay", "--destination", "flags")

    assert (found.code, found.out) == (0, "1 replayed, 1 skipped (would be refused again)\n")
    lane = ledger.read(store, [], ["flags"]).lanes["flags", "tracks"]
    assert (lane.received, lane.pending, lane.dead) == (4, 3, 1)
    assert [letter["reason"] for letter in command("dead", "list", "--json").json] == ["impression_incomplete"]


def test_check_asks_split_for_the_flags(command, letters):
    """A source's admin key is tried as well."""
    good = command("check", "--live")

    assert "good  flags: admin key and workspace: accepted\n" in good.out
    assert "sources: flags" in good.out


@pytest.mark.parametrize(
    ("more", "event"), [("    track: {except: [Noise]}\n", "get_treatment"), ("", "treatment_seen"), ("", None)]
)
def test_an_open_loop_is_told(command, settings, more, event):
    """Impressions that come back from Segment must be kept out by name, also when the name was changed."""
    source = SOURCE + (f"    event: {event}\n" if event else "")
    settings.file.write_text(settings.file.read_text() + more + source)

    found = command("check")

    assert found.code == 0
    assert re.findall(r'track\.except: does not name "(\w+)"', found.out) == ([event] if event else [])


def test_a_source_has_a_name_of_its_own(command, settings):
    """A destination of the same name would share its counts and its dead letters."""
    settings.file.write_text(settings.file.read_text() + SOURCE.replace("flags:", "web:"))

    found = command("check")

    assert found.code == 2
    assert "web: is the name of a destination as well; give the source another" in found.err
