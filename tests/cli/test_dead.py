"""dead: list, show, replay and drop what the real door set aside."""

import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from split_dest.inbox import intake, ledger
from split_dest.inbox.intake import Terms
from split_dest.mapping.acceptance import Item
from tests.cli.typed import ran
from tests.support.service import tracks

BAD_ID = {"type": "track", "event": "A", "userId": {"id": 7}}
BAD_PROPERTIES = {"type": "track", "event": "B", "userId": "u", "properties": 7}


@pytest.fixture
def two(settings):
    """A second destination, so that one can be chosen."""
    settings.file.write_text(settings.file.read_text().replace("  web:", "  web: &it") + "  app: *it\n")
    return settings


@pytest.fixture
def letters(two, door):
    """Dead letters of both destinations: two of web, one of app."""
    door(BAD_ID, BAD_PROPERTIES)
    # An id is a time, in milliseconds.
    time.sleep(0.002)
    door(BAD_ID, name="app")


def reasons(found) -> list[tuple[str, str]]:
    """Gives whose letters were listed, and why they are dead."""
    return [tuple(line.split("  ")[n] for n in (2, 4)) for line in found.out.splitlines()]


def test_letters_are_listed_oldest_first(command, letters):
    """A line each: id, when, destination, lane, reason, detail; of all destinations."""
    found = command("dead", "list")

    assert (found.code, found.err) == (0, "")
    assert reasons(found) == [("web", "id_not_string"), ("web", "properties_not_object"), ("app", "id_not_string")]
    letter_id, when, _, lane, _, detail = found.out.splitlines()[0].split("  ")
    assert abs(datetime.fromisoformat(when) - datetime.now(UTC)) < timedelta(minutes=1)
    assert int(letter_id.partition("-")[0]) // 1000 == int(datetime.fromisoformat(when).timestamp())
    assert (lane, detail) == ("events", "at userId")


def test_letters_are_listed_as_json_with_their_messages(command, letters):
    """--json gives everything that is known of a letter, one line each."""
    found = command("dead", "list", "--json", "--destination", "web")

    first, second = found.json
    assert list(first) == ["id", "destination", "lane", "reason", "detail", "acceptedMs", "deadMs", "message"]
    assert (first["message"], second["message"]) == (BAD_ID, BAD_PROPERTIES)
    assert first["deadMs"] == int(first["id"].partition("-")[0])
    assert 0 <= first["deadMs"] - first["acceptedMs"] < 1000


def test_that_there_is_no_letter_is_told(command):
    """Silence would leave open whether anything was looked at; scripts see no output and exit code 0."""
    found = command("dead", "list")

    assert (found.code, found.out, found.err) == (0, "", "no dead letters\n")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--destination", "web"], 2),
        (["--destination", "app"], 1),
        (["--reason", "id_not_string"], 2),
        (["--reason", "id_not_string", "--destination", "web"], 1),
        (["--reason", "gave_up"], 0),
        (["--since", "1h"], 3),
        (["--until", "1h"], 0),
        (["--since", "2099-01-01T00:00:00Z"], 0),
        (["--until", "2099-01-01T00:00:00Z"], 3),
        (["--since", "999999999d", "--until", "999999999d"], 0),
        (["--since", "999999999d"], 3),
        (["--until", "0s", "--since", "7d"], 3),
    ],
)
def test_letters_are_chosen_by_destination_reason_and_time(command, letters, options, count):
    """Every option narrows the choice, alone and together."""
    time.sleep(0.002)

    found = command("dead", "list", *options)

    assert (found.code, len(found.out.splitlines())) == (0, count)


def test_times_choose_to_the_millisecond(command, letters, door):
    """--since includes its moment and --until does not, so that two calls meet no letter twice."""
    time.sleep(0.005)
    door(BAD_ID | {"event": "later"})
    ids = [line["deadMs"] for line in command("dead", "list", "--json", "--destination", "web").json]
    moment = datetime.fromtimestamp(ids[-1] / 1000, UTC).isoformat(timespec="milliseconds")

    since, until = (
        command("dead", "list", "--json", "--destination", "web", o, moment) for o in ("--since", "--until")
    )

    assert [letter["deadMs"] for letter in since.json] == ids[-1:]
    assert [letter["deadMs"] for letter in until.json] == ids[:-1]


def test_one_letter_is_shown_whole(command, letters):
    """A letter is found by its id, wherever it is, and shown as indented JSON."""
    letter_id = command("dead", "list").out.splitlines()[-1].split("  ")[0]

    found = command("dead", "show", letter_id)

    shown = orjson.loads(found.out)
    assert found.code == 0
    assert (shown["id"], shown["destination"], shown["message"]) == (letter_id, "app", BAD_ID)
    assert found.out.count("\n") > 8


def test_an_id_in_several_destinations_is_shown_of_the_one_named(command, settings, two):
    """Letters that two destinations set aside in the same millisecond have one id; none is taken for the other."""
    fields = {"lane": "events", "reason": "gave_up", "detail": "", "m": "{}", "t": 1}
    for name in ("web", "app"):
        settings.store.client.xadd(f"sd:{name}:dead", fields, id="1767225600000-0")

    either = command("dead", "show", "1767225600000-0")
    one = command("dead", "show", "1767225600000-0", "--destination", "app")

    assert (either.code, either.out) == (2, "")
    assert "several have a dead letter 1767225600000-0: web, app; name one with --destination" in either.err
    assert (one.code, orjson.loads(one.out)["destination"]) == (0, "app")


def test_a_letter_that_is_no_json_is_shown_as_text(command, settings):
    """Bytes that nobody could read stand there escaped."""
    settings.start_web()
    settings.post(b'[{"type": "track", "event": "\xff"}]')

    found = command("dead", "list", "--json")

    assert found.json[0]["reason"] == "text_not_unicode"
    assert found.json[0]["message"] == '{"type": "track", "event": "\\xff"}'


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["show", "1-1"], 1, "Error: no dead letter 1-1\n"),
        (
            ["show", "yesterday"],
            2,
            '"yesterday" is no id; ids look like 1767225600000-0, see: split-dest dead list',
        ),
        (
            ["show", "1-1", "--destination", "nobody"],
            2,
            'no destination or source "nobody" in the settings; there are: web',
        ),
        (
            ["list", "--destination", "nobody"],
            2,
            'no destination or source "nobody" in the settings; there are: web',
        ),
        (
            ["drop", "--destination", "nobody"],
            2,
            'no destination or source "nobody" in the settings; there are: web',
        ),
        (["list", "--since", "9" * 400 + "d"], 2, "write a time such as"),
        (["list", "--since", "31.1.2026"], 2, "write a time such as"),
    ],
)
def test_what_is_not_there_is_told(command, arguments, code, told):
    """An unknown letter, id, destination or time: what is wrong, and what would be right."""
    found = command("dead", *arguments)

    assert (found.code, found.out) == (code, "")
    assert told in found.err


@pytest.mark.parametrize(
    ("word", "done"), [("drop", "3 would be dropped\n"), ("replay", "0 would be replayed, 3 would be refused")]
)
def test_a_dry_run_changes_nothing(command, letters, word, done):
    """--dry-run tells the count that the command would have; all letters stay."""
    found = command("dead", word, "--dry-run")

    assert found.code == 0
    assert found.out.startswith(done)
    assert len(command("dead", "list").out.splitlines()) == 3


def test_dropped_letters_are_gone_and_counted(command, store, letters):
    """What a person drops is filtered for the reason dropped, and the books stay balanced."""
    found = command("dead", "drop", "--reason", "id_not_string")

    assert (found.code, found.out) == (0, "2 dropped\n")
    assert reasons(command("dead", "list")) == [("web", "properties_not_object")]
    lane = ledger.read(store, ["web"]).lanes["web", "events"]
    assert (lane.received, lane.dead, lane.filtered) == (2, 1, {"dropped": 1})


def test_letters_that_the_door_would_refuse_again_stay(command, letters):
    """A message whose fault is its own can't be replayed, one too large neither; they are told and kept."""
    found = command("dead", "replay")

    assert (found.code, found.out) == (0, "0 replayed, 3 would be refused again and stay\n")
    assert len(command("dead", "list").out.splitlines()) == 3


def test_a_letter_of_a_lane_that_is_off_today_stays(command, settings, store):
    """Its message waits in its other lane or has left it; replayed there it would be doubled."""
    message = {"messageId": "m", "userId": "u", "type": "track", "event": "Experiment Viewed"}
    letter = Item(("impressions",), "m", orjson.dumps(message), "record_refused")
    intake.accept(store, [letter], Terms("web", 0))

    off = command("dead", "replay")
    settings.file.write_text(settings.file.read_text() + "    exposures: {enabled: true}\n")
    on = command("dead", "replay")

    assert off.out == "0 replayed, 1 would be refused again and stay\n"
    assert on.out == "1 replayed, 0 would be refused again and stay\n"
    assert ledger.read(store, ["web"]).lanes["web", "impressions"].pending == 1


def test_only_what_was_too_large_is_measured_again(command, store):
    """What the door took at its full size, and completed since, can always be replayed."""
    message = {"messageId": "m", "userId": "u", "type": "track", "event": "E", "properties": {"p": "x" * 33_000}}
    for n, reason in enumerate(("gave_up", "message_too_large")):
        letter = Item(("events",), f"m-{n}", orjson.dumps(message), reason)
        intake.accept(store, [letter], Terms("web", 0))

    assert command("dead", "replay").out == "1 replayed, 1 would be refused again and stay\n"


def test_letters_are_replayed_to_delivery_once_the_fault_is_gone(command, working, sandbox):
    """Split refuses two messages, which die; after the mistake is mended, replay delivers just these two."""
    sandbox.faults({"api": "events", "status": 400})
    working.post(tracks(2))
    working.post([BAD_ID])
    working.wait_until(lambda: working.lane().dead == 3)
    sandbox.call("DELETE", "/_sandbox/faults")

    dry = command("dead", "replay", "--reason", "record_refused", "--dry-run")
    found = ran("dead", "replay", "--reason", "record_refused", environ=working.environ)

    assert (dry.code, dry.out) == (0, "2 would be replayed, 0 would be refused again and stay\n")
    assert (found.code, found.out) == (0, "2 replayed, 0 would be refused again and stay\n")
    assert [event["key"] for event in sandbox.wait_for("events", 2)] == ["u-0", "u-1"]
    working.wait_until(lambda: working.lane().pending == 0)
    assert (working.lane().received, working.lane().delivered, working.lane().dead) == (3, 2, 1)


def test_redis_away_is_told(typed, away, settings):
    """Exit code 1 and one line, for each of the commands."""
    given = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    found = [
        typed("dead", *words, "--config", away, environ=given) for words in (["list"], ["show", "1-1"], ["drop"])
    ]

    assert [(each.code, each.out) for each in found] == [(1, "")] * 3
    assert all(each.err.startswith("Redis: ConnectionError: is Redis running") for each in found)
