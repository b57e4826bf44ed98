"""dead: list, show, replay and drop what the real endpoint could not take."""

import re
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from split_dest.errors import REASONS
from split_dest.inbox import dead_letters, intake, ledger
from split_dest.inbox.intake import AcceptOptions
from split_dest.mapping.acceptance import Item
from split_dest.segment import times
from tests.support.commands import ran
from tests.support.endpoint import stored
from tests.support.service import tracks

BAD_ID = {"type": "track", "event": "A", "userId": {"id": 7}}
GOOD = {"type": "track", "event": "A", "userId": "u", "messageId": "m-1"}
BAD_PROPERTIES = {"type": "track", "event": "B", "userId": "u", "properties": 7}


@pytest.fixture
def two(settings):
    """A second destination, so that one can be chosen."""
    settings.file.write_text(settings.file.read_text().replace("  web:", "  web: &it") + "  app: *it\n")
    return settings


@pytest.fixture
def letters(two, endpoint):
    """Dead letters of both destinations: two of web, one of app."""
    endpoint(BAD_ID, BAD_PROPERTIES)
    # An id is a time, in milliseconds.
    time.sleep(0.002)
    endpoint(BAD_ID, name="app")


def keep(store, message, reason="gave_up", lane="events"):
    """Make a dead letter of a message, or of a text that is none."""
    text = message if isinstance(message, bytes) else orjson.dumps(message)
    intake.accept(store, [Item((lane,), "m", text, reason)], AcceptOptions("web", 0))


def reasons(result) -> list[tuple[str, str]]:
    """Return the owners of the letters that were listed as JSON, and why they are dead."""
    return [(letter["destination"], letter["reason"]) for letter in result.json]


def test_letters_are_listed_oldest_first(command, letters):
    """A row each with what it is and whose; then how many there are for each reason, and what it means."""
    result = command("dead", "list")

    assert (result.code, result.err) == (0, "")
    head, *rows, empty, summary, first, second = [re.split("  +", line) for line in result.out.splitlines()]
    assert head == ["id", "when", "destination", "endpoint", "lane", "reason", "detail", "message", "user"]
    assert [row[2:] for row in rows] == [
        ["web", "webhook", "events", "id_not_string", "at userId", "track A", "-"],
        ["web", "webhook", "events", "properties_not_object", "at properties", "track B", "u"],
        ["app", "webhook", "events", "id_not_string", "at userId", "track A", "-"],
    ]
    assert empty == [""]
    assert summary == ["3 dead letters: id_not_string 2, properties_not_object 1"]
    codes = ("id_not_string", "properties_not_object")
    assert [first, second] == [[f"{code}: {REASONS[code]}"] for code in codes]
    letter_id, when, *_ = rows[0]
    assert abs(datetime.fromisoformat(when) - datetime.now(UTC)) < timedelta(minutes=1)
    assert int(letter_id.partition("-")[0]) // 1000 == int(datetime.fromisoformat(when).timestamp())


def test_a_letter_takes_two_lines_where_columns_are_few(command, letters, monkeypatch):
    """Nothing of it is left out at 80 columns, and at 60."""
    for columns in ("80", "60"):
        monkeypatch.setenv("COLUMNS", columns)
        lines = command(
            "dead", "list", "--destination", "web", "--reason", "properties_not_object"
        ).out.splitlines()

        assert max(map(len, lines)) <= int(columns)
        assert re.fullmatch(r"\d+-\d+ 20\S+Z web webhook events", lines[0])
        sentence = " ".join(lines[1 : lines.index("")]).split()
        assert " ".join(sentence) == "properties_not_object (at properties); message track B; user u"


def test_any_number_of_letters_has_one_head_and_one_sum(command, settings, store):
    """Also of what is no object, or no JSON, and says neither what it is nor whose."""
    for text in (b"7", b"oops", *[orjson.dumps(GOOD)] * 600):
        keep(store, text, "gave_up")

    lines = command("dead", "list").out.splitlines()

    assert [line.split()[:2] for line in lines if line.startswith("id ")] == [["id", "when"]]
    assert re.split("  +", lines[1])[-2:] == re.split("  +", lines[2])[-2:] == ["-", "-"]
    assert len(set(lines[1:603])) == 602
    assert lines[604] == "602 dead letters: gave_up 602"


def test_nothing_in_a_message_steers_the_terminal(command, endpoint):
    """What a sender wrote is shown with its control characters escaped, and not in full length."""
    endpoint(BAD_PROPERTIES | {"event": "A\x1b[2J\u202e", "userId": "u" * 500})

    row = command("dead", "list").out.splitlines()[1]

    assert r"track A\u001b[2J\u202e" in row
    assert row.endswith("u" * 59 + "…")


def test_letters_are_listed_as_json_with_their_messages(command, letters):
    """--json gives everything that is known of a letter, one line each."""
    result = command("dead", "list", "--json", "--destination", "web")

    first, second = result.json
    why = ["lane", "reason", "detail", "words"]
    assert list(first) == ["id", "destination", "endpoint", *why, "acceptedMs", "deadMs", "message"]
    assert (first["message"], second["message"]) == (BAD_ID, BAD_PROPERTIES)
    assert first["deadMs"] == int(first["id"].partition("-")[0])
    assert 0 <= first["deadMs"] - first["acceptedMs"] < 1000


def test_that_there_is_no_letter_is_told(command):
    """Silence would leave open whether anything was looked at; scripts see no output and exit code 0."""
    result = command("dead", "list")

    assert (result.code, result.out, result.err) == (0, "", "no dead letters\n")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--destination", "web"], 2),
        (["--destination", "app"], 1),
        (["--reason", "id_not_string"], 2),
        (["--reason", "id_not_string", "--destination", "web"], 1),
        (["--reason", "gave_up"], 0),
        (["--lane", "events"], 3),
        (["--lane", "identities"], 0),
        (["--lane", "events", "--destination", "app"], 1),
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

    result = command("dead", "list", "--json", *options)

    assert (result.code, len(result.json)) == (0, count)


def test_times_choose_to_the_millisecond(command, letters, endpoint):
    """--since includes its moment and --until does not, so that two calls meet no letter twice."""
    time.sleep(0.005)
    endpoint(BAD_ID | {"event": "later"})
    ids = [line["deadMs"] for line in command("dead", "list", "--json", "--destination", "web").json]
    moment = datetime.fromtimestamp(ids[-1] / 1000, UTC).isoformat(timespec="milliseconds")

    since, until = (
        command("dead", "list", "--json", "--destination", "web", o, moment) for o in ("--since", "--until")
    )

    assert [letter["deadMs"] for letter in since.json] == ids[-1:]
    assert [letter["deadMs"] for letter in until.json] == ids[:-1]


def test_one_letter_is_shown_whole(command, letters):
    """A letter is found by its id, wherever it is, and shown as indented JSON."""
    letter = command("dead", "list", "--json").json[-1]

    result = command("dead", "show", letter["id"])

    assert result.code == 0
    assert orjson.loads(result.out) == {
        "id": letter["id"],
        "destination": "app",
        "endpoint": "webhook",
        "lane": "events",
        "reason": "id_not_string",
        "meaning": REASONS["id_not_string"],
        "detail": "at userId",
        "words": "",
        "accepted": times.to_text(letter["acceptedMs"]),
        "died": times.to_text(letter["deadMs"]),
        "message": BAD_ID,
    }
    assert result.out.count("\n") > 8


def test_an_id_in_several_destinations_is_shown_of_the_one_named(command, settings, two):
    """Letters of two destinations that died in the same millisecond have one id; none is taken for the other."""
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
    settings.post(b'[{"type": "track", "userId": "\xff"}]')

    result = command("dead", "list", "--json")

    assert result.json[0]["reason"] == "text_not_unicode"
    assert result.json[0]["message"] == '{"type": "track", "userId": "\\xff"}'


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
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
def test_what_is_not_there_is_told(command, arguments, code, sentence):
    """An unknown letter, id, destination or time: what is wrong, and what would be right."""
    result = command("dead", *arguments)

    assert (result.code, result.out) == (code, "")
    assert sentence in result.err


@pytest.mark.parametrize("word", ["drop", "replay"])
def test_which_letters_must_be_said(command, letters, word):
    """Without an id, a filter or --all nothing is done; ids go with none of these."""
    letter_id = command("dead", "list", "--json").json[0]["id"]

    none = command("dead", word)
    both = command("dead", word, letter_id, "--reason", "id_not_string")
    all_of_them = command("dead", word, letter_id, "--all")

    assert [each.code for each in (none, both, all_of_them)] == [2, 2, 2]
    assert (
        "which dead letters? Give ids, --destination, --endpoint, --lane, --reason, --since or --until, or --all"
        in none.err
    )
    assert "give ids, or options that narrow dead letters down, or --all" in both.err
    assert both.err == all_of_them.err
    assert len(command("dead", "list", "--json").json) == 3


def test_without_a_terminal_to_ask_in_nothing_is_dropped(command, letters):
    """A script says --yes."""
    result = command("dead", "drop", "--all")

    assert (result.code, result.out) == (2, "")
    assert "there is no terminal to ask in: add --yes to drop them for good" in result.err
    assert len(command("dead", "list", "--json").json) == 3


def test_a_dry_run_of_a_drop_changes_nothing(command, letters):
    """--dry-run tells the count that the command would have; all letters stay."""
    result = command("dead", "drop", "--all", "--dry-run")

    assert result.code == 0
    assert result.out.splitlines()[0] == "3 dead letters: id_not_string 2, properties_not_object 1"
    assert result.out.splitlines()[-1] == "3 would be dropped"
    assert len(command("dead", "list", "--json").json) == 3


def test_dropped_letters_are_gone_and_counted(command, store, letters):
    """What a person drops is filtered for the reason dropped, and the books stay balanced."""
    result = command("dead", "drop", "--reason", "id_not_string", "--yes")

    assert (result.code, result.out) == (0, "2 dropped\n")
    assert reasons(command("dead", "list", "--json")) == [("web", "properties_not_object")]
    lane = ledger.read(store, ["web"]).lanes["web", "events"]
    assert (lane.received, lane.dead, lane.filtered) == (2, 1, {"dropped": 1})


def test_letters_are_dropped_and_replayed_by_their_ids(command, settings, store):
    """One or several, each once; an unknown id stops the command before it does anything."""
    for n in range(4):
        keep(store, GOOD | {"messageId": f"m-{n}"})
    first, second, third, fourth = (letter["id"] for letter in command("dead", "list", "--json").json)

    unknown = command("dead", "drop", first, "1-1", "--yes")
    dropped = command("dead", "drop", first, first, second, "--yes")
    replayed = command("dead", "replay", third)

    assert (unknown.code, unknown.err) == (1, "Error: no dead letter 1-1\n")
    assert dropped.out == "2 dropped\n"
    assert replayed.out == "1 replayed, 0 skipped (would be refused again)\n"
    assert [letter["id"] for letter in command("dead", "list", "--json").json] == [fourth]
    assert [message.message_id for message in stored(store)] == ["m-2"]


def test_letters_that_the_endpoint_would_refuse_again_stay(command, letters):
    """A message whose fault is its own can't be replayed, one too large neither; they are told and kept."""
    result = command("dead", "replay", "--all")

    assert (result.code, result.out) == (0, "0 replayed, 3 skipped (would be refused again)\n")
    assert len(command("dead", "list", "--json").json) == 3


def test_a_dry_run_of_a_replay_says_what_would_become_of_each(command, settings, store):
    """Delivered to which lane, filtered or refused again with which code; all letters stay."""
    keep(store, GOOD)
    keep(store, GOOD | {"userId": None})
    keep(store, GOOD | {"userId": []})
    keep(store, GOOD | {"type": "identify", "traits": {"plan": "pro"}})
    keep(store, GOOD, lane="impressions")
    keep(store, b"oops", "not_json")
    keep(store, GOOD | {"writeKey": "another"}, "write_key_differs")

    result = command("dead", "replay", "--all", "--dry-run")

    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.partition("  ")[2] for line in lines[:7]] == [
        "web  gave_up  would be delivered: events",
        "web  gave_up  would be filtered: no_mapped_identity",
        "web  gave_up  would be refused again: id_not_string (at userId)",
        "web  gave_up  would be delivered: identities",
        "web  gave_up  would be refused again: exposures_disabled",
        "web  not_json  would be refused again: not_json",
        "web  write_key_differs  would be refused again: write_key_differs",
    ]
    codes = ("exposures_disabled", "id_not_string", "no_mapped_identity", "not_json", "write_key_differs")
    assert lines[8:13] == [f"{code}: {REASONS[code]}" for code in codes]
    assert lines[-1] == "7 dead letters: 2 would be delivered, 1 filtered, 4 refused again (they stay)"
    assert len(command("dead", "list", "--json").json) == 7


def test_what_a_dry_run_foretells_is_what_happens(command, working, store, sandbox):
    """The same letters, replayed: delivered, filtered by the workers, or kept."""
    for message in (GOOD, GOOD | {"userId": None}, GOOD | {"userId": []}):
        keep(store, message)
    dry = command("dead", "replay", "--all", "--dry-run")

    result = command("dead", "replay", "--all")

    assert (
        dry.out.splitlines()[-1] == "3 dead letters: 1 would be delivered, 1 filtered, 1 refused again (they stay)"
    )
    assert result.out == "2 replayed (1 of them will be filtered), 1 skipped (would be refused again)\n"
    working.wait_until(lambda: working.lane().pending == 0)
    assert working.lane().delivered == 1
    assert working.lane().filtered == {"no_mapped_identity": 1}
    assert working.lane().dead == 1


def test_a_letter_of_a_lane_that_is_off_today_stays(command, settings, store):
    """Its message waits in its other lane or has left it; replayed there it would be doubled."""
    message = {"messageId": "m", "userId": "u", "type": "track", "event": "Experiment Viewed"}
    keep(store, message, "record_refused", lane="impressions")

    off = command("dead", "replay", "--all")
    settings.file.write_text(settings.file.read_text() + "    exposures: {enabled: true}\n")
    on = command("dead", "replay", "--all")

    assert off.out == "0 replayed, 1 skipped (would be refused again)\n"
    assert on.out == "1 replayed (1 of them will be filtered), 0 skipped (would be refused again)\n"
    assert ledger.read(store, ["web"]).lanes["web", "impressions"].pending == 1


def test_only_what_was_too_large_is_measured_again(command, store):
    """What the endpoint took at its full size, and completed since, can always be replayed."""
    message = {"messageId": "m", "userId": "u", "type": "track", "event": "E", "properties": {"p": "x" * 33_000}}
    for reason in ("gave_up", "message_too_large"):
        keep(store, message, reason)

    assert command("dead", "replay", "--all").out == "1 replayed, 1 skipped (would be refused again)\n"


def test_letters_are_replayed_to_delivery_once_the_fault_is_gone(command, working, sandbox):
    """Split refuses two messages, which die; after the mistake is mended, replay delivers just these two."""
    sandbox.faults({"api": "events", "status": 400})
    working.post(tracks(2))
    working.post([BAD_ID])
    working.wait_until(lambda: working.lane().dead == 3)
    sandbox.call("DELETE", "/_sandbox/faults")

    dry = command("dead", "replay", "--reason", "record_refused", "--dry-run")
    result = ran("dead", "replay", "--reason", "record_refused", environ=working.environ)

    sentence = "2 dead letters: 2 would be delivered, 0 filtered, 0 refused again (they stay)"
    assert (dry.code, dry.out.splitlines()[-1]) == (0, sentence)
    assert (result.code, result.out) == (0, "2 replayed, 0 skipped (would be refused again)\n")
    assert [event["key"] for event in sandbox.wait_for("events", 2)] == ["u-0", "u-1"]
    working.wait_until(lambda: working.lane().pending == 0)
    assert (working.lane().received, working.lane().delivered, working.lane().dead) == (3, 2, 1)


def test_redis_away_is_told(typed, away, settings):
    """Exit code 1 and one line, for each of the commands."""
    environ = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    result = [
        typed("dead", *words, "--config", away, environ=environ)
        for words in (["list"], ["show", "1-1"], ["drop", "--all", "--yes"], ["replay", "1-1"])
    ]

    assert [(each.code, each.out) for each in result] == [(1, "")] * 4
    assert {each.err for each in result} == {
        f"Error: Redis at unix://{away.parent}/nobody.sock can't be reached. Start it, or correct redis.url.\n"
    }


@pytest.mark.parametrize(
    ("answer", "code", "left", "last"), [("n", 1, 3, "stopped"), ("y", 0, 1, "2 dropped"), ("", 1, 3, "stopped")]
)
def test_a_person_is_asked_before_anything_is_dropped(
    command, run_shown, terminal, letters, answer, code, left, last
):
    """With the count, by reason; only a yes drops."""
    ended = run_shown("dead", "drop", "--reason", "id_not_string", typing=f"{answer}\n")

    assert ended == code
    assert "2 dead letters: id_not_string 2" in terminal.text
    assert "Drop 2 dead letters for good? [y/N]: " in terminal.text
    assert terminal.text.rstrip().endswith(last)
    assert ("2/2" in terminal.text) == (code == 0), "the bar does not know how many there are"
    assert len(command("dead", "list", "--json").json) == left


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_a_person_is_asked_before_anything_is_replayed(run_shown, terminal, settings, store, answer, code):
    """With the count of what would become of them; only a yes replays."""
    keep(store, GOOD)

    ended = run_shown("dead", "replay", "--all", typing=f"{answer}\n")

    assert ended == code
    assert "1 dead letter: 1 would be delivered, 0 filtered, 0 refused again (they stay)" in terminal.text
    assert "Replay them? [y/N]: " in terminal.text
    assert ledger.read(store, ["web"]).lanes["web", "events"].pending == (answer == "y")


@pytest.mark.parametrize(("word", "last"), [("drop", "no dead letters"), ("replay", "0 replayed, 0 skipped")])
def test_where_there_is_nothing_nobody_is_asked(run_shown, terminal, word, last):
    """Nor is it an error."""
    assert run_shown("dead", word, "--all") == 0
    assert last in terminal.text.rstrip().splitlines()[-1]
    assert "[y/N]" not in terminal.text


def test_the_codes_to_choose_from_are_those_of_dead_letters(typed):
    """And not those with which messages are filtered, noted or refused."""
    result = typed("dead", "list", "--reason", "page_unnamed")

    assert result.code == 2
    assert re.findall("'(\\w+)'", result.err.partition("is not one of")[2]) == list(dead_letters.CODES)


def test_what_is_replayed_is_delivered_soon_whatever_was_skipped_before(command, settings, store):
    """The lane of the first letter that goes back is woken at once."""
    keep(store, GOOD | {"userId": []})
    keep(store, GOOD)

    result = command("dead", "replay", "--all")

    assert result.out == "1 replayed, 1 skipped (would be refused again)\n"
    assert store.client.get("sd:web:events:drain:0").startswith(b"queued:")
