"""import: every form of a file, what is set aside of it, and what is told all the while."""

import gzip
import os
import time

import orjson
import pytest

from split_dest.inbox import dead_letters, intake
from split_dest.inbox.intake import Terms
from split_dest.mapping.acceptance import item
from split_dest.mapping.rules import Rules
from tests.cli.typed import ended, start
from tests.support.service import tracks

KEYS = ["messages", "accepted", "duplicates", "set_aside", "line", "bytes", "total_bytes", "rate"]
KEYS += ["seconds_left", "finished"]
IDENTIFY = {"type": "identify", "messageId": "i-1", "userId": "u-1", "traits": {"plan": "pro"}}


def lines(*values) -> bytes:
    """Gives JSON lines."""
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


@pytest.fixture
def imported(command, tmp_path):
    """Imports a file of this content; gives what came of it."""

    def run(content: bytes, *options, name: str = "messages.jsonl"):
        (tmp_path / name).write_bytes(content)
        return command("import", tmp_path / name, "--destination", "web", *options)

    return run


@pytest.fixture
def stored(store):
    """Gives the ids of the messages that wait in a lane."""

    def look(lane: str = "events") -> list[str]:
        entries = store.client.xrange(f"sd:web:{lane}:stream")
        return [orjson.loads(fields[b"m"])["messageId"] for _, fields in entries]

    return look


PLAIN = lines(*tracks(1500), IDENTIFY)
FORMS = {
    "plain": PLAIN,
    "gzip": gzip.compress(PLAIN),
    "gzip, named otherwise": gzip.compress(PLAIN, 1),
    "gzip, in two members": gzip.compress(PLAIN[:70_001]) + gzip.compress(PLAIN[70_001:]),
    "no end of line": PLAIN.rstrip(),
    "Windows": PLAIN.replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_accepted_as_by_the_door(imported, stored, form):
    """Each message waits in its lane, in the file's order; the last line of stdout has all numbers."""
    found = imported(FORMS[form])

    assert (found.code, found.err) == (0, "")
    told = found.json[-1]
    assert list(told) == KEYS
    assert (told["messages"], told["accepted"], told["set_aside"]) == (1501, 1501, 0)
    assert (told["line"], told["seconds_left"], told["finished"]) == (1501, 0, True)
    assert told["bytes"] == told["total_bytes"] == len(FORMS[form])
    assert stored() == [f"m-{n}" for n in range(1500)]
    assert stored("identities") == ["i-1"]


def test_a_line_may_hold_several_messages(imported, stored):
    """An array, an envelope, elements in wrappers and blank lines stand beside single messages."""
    one, two, three, *rest = tracks(5)
    content = lines(one, [two, three]) + b"\n  \n" + lines({"batch": rest[:1]}, [{"json": rest[1]}], [])

    found = imported(content)

    assert (found.json[-1]["accepted"], found.json[-1]["line"]) == (5, 7)
    assert stored() == [f"m-{n}" for n in range(5)]


def test_bad_lines_are_set_aside_and_stop_nothing(imported, stored, store):
    """What is not JSON is kept whole with its line; what the door sets aside is set aside for the same reason."""
    content = (
        lines(*tracks(2))
        + b'{"type": "tra\n\nhello\r\n'
        + lines(7, {"type": "track", "userId": {}}, *tracks(1, 2))
    )

    found = imported(content)

    assert found.code == 0
    assert (found.json[-1]["messages"], found.json[-1]["accepted"], found.json[-1]["set_aside"]) == (7, 3, 4)
    assert stored() == ["m-0", "m-1", "m-2"]
    letters = [(each.reason, each.detail, each.text) for each in dead_letters.browse(store, "web")]
    assert letters[:2] == [("not_json", "line 3", b'{"type": "tra'), ("not_json", "line 5", b"hello")]
    assert [reason for reason, _, _ in letters[2:]] == ["not_an_object", "id_not_string"]


def test_lines_that_are_too_large_are_set_aside(imported, settings, store, stored):
    """More messages than the door takes at once, or more bytes; of endless bytes only the beginning is kept."""
    settings.file.write_text(settings.file.read_text() + "intake: {max_body_bytes: 100000}\n")
    many = b"[" + b",".join([b"{}"] * 10_001) + b"]"
    content = lines(*tracks(1)) + many + b"\n[" + b" " * 200_000 + b"]\n" + lines(*tracks(1, 1))

    found = imported(content)

    assert (found.json[-1]["accepted"], found.json[-1]["set_aside"], found.json[-1]["line"]) == (2, 2, 4)
    first, second = dead_letters.browse(store, "web")
    assert (first.reason, first.detail) == ("message_too_large", "line 2: more than 10,000 messages")
    assert first.text == many
    assert (second.reason, len(second.text)) == ("message_too_large", 65_536)
    assert second.detail == "line 3: 200003 bytes, of which the beginning is kept"
    assert stored() == ["m-0", "m-1"]


def test_the_longest_array_is_one_line(imported, store):
    """Ten thousand messages on one line are stored at once."""
    found = imported(lines(tracks(3), tracks(10_000), tracks(3)), "--rate", "100000")

    assert (found.json[-1]["accepted"], found.json[-1]["duplicates"]) == (10_000, 6)
    assert store.client.xlen("sd:web:events:stream") == 10_000


def test_what_the_door_has_taken_counts_as_a_duplicate(imported, door):
    """A file that overlaps with what Segment has sent doubles nothing."""
    door(*tracks(3))

    found = imported(lines(*tracks(5)))

    assert (found.json[-1]["accepted"], found.json[-1]["duplicates"]) == (2, 3)


def test_what_came_with_a_write_key_is_no_duplicate(imported, store):
    """Write keys are public, so ids that come with one count for nothing else."""
    items = [item(each, Rules(), None, "tracking") for each in tracks(3)]
    intake.accept(store, items, Terms("web", 24))

    found = imported(lines(*tracks(3)))

    assert (found.json[-1]["accepted"], found.json[-1]["duplicates"]) == (3, 0)


def test_a_bad_line_is_one_dead_letter_and_does_not_claim_its_id(imported, store, stored):
    """The file again makes no second one, and the repaired message is stored."""
    (good,) = tracks(1)
    bad = lines(good | {"userId": []}) + b"{oops\n"

    found = [imported(bad).json[-1], imported(bad + lines(good)).json[-1]]

    assert [(each["accepted"], each["duplicates"], each["set_aside"]) for each in found] == [(0, 0, 2), (1, 2, 0)]
    assert (stored(), len(list(dead_letters.browse(store, "web")))) == (["m-0"], 2)


def test_large_lines_that_begin_alike_are_dead_letters_each(imported, settings, store):
    """Their beginning is kept; but they are known by all of them."""
    settings.file.write_text(settings.file.read_text() + "intake: {max_body_bytes: 100000}\n")
    content = b"".join(b"[" + b" " * 200_000 + end + b"]\n" for end in (b"1", b"2", b"1"))

    found = imported(content)

    assert (found.json[-1]["duplicates"], found.json[-1]["set_aside"]) == (1, 2)


def test_the_lanes_are_woken_and_the_bookmark_goes(imported, store):
    """Workers find their jobs, and a finished file leaves nothing behind."""
    imported(lines(*tracks(3), IDENTIFY))

    assert store.client.llen("rq:queue:drains") == 2
    assert store.client.exists("sd:web:imports") == 0


def test_the_whole_service_delivers_an_imported_file(imported, working, sandbox):
    """From the file to Split."""
    imported(lines(*tracks(50)))

    assert {event["key"] for event in sandbox.wait_for("events", 50)} == {f"u-{n}" for n in range(50)}


def test_the_rate_is_kept_and_progress_is_told_about_every_second(imported):
    """At 40 a second, 100 messages take two seconds and a half; the lines of JSON say how far it is."""
    started = time.monotonic()

    found = imported(lines(*tracks(100)), "--rate", "40")

    assert time.monotonic() - started > 2.3
    assert [list(line) for line in found.json] == [KEYS] * len(found.json)
    assert len(found.json) >= 3
    first, *_, last = found.json
    assert 0 < first["messages"] <= 100
    assert (first["finished"], last["finished"], last["messages"]) == (False, True, 100)
    assert 0 < first["rate"] < 50
    assert last["rate"] < 45


def test_a_dry_run_needs_neither_redis_nor_keys(away, tmp_path):
    """It counts events, identities, what the rules drop and what would be refused, by reason."""
    file = tmp_path / "messages.jsonl.gz"
    nameless = {"type": "page", "userId": "u-1"}
    broken = lines({"type": "track", "userId": {}}) + b"oops\nhello\n"
    file.write_bytes(gzip.compress(lines(*tracks(3), tracks(2), IDENTIFY, nameless, nameless) + broken))

    found = ended(start("import", file, "--config", away, "--destination", "web", "--dry-run"))

    assert (found.code, found.err) == (0, "")
    told = found.json[-1]
    assert list(told) == [*KEYS, "events", "identities", "impressions", "dropped", "refused"]
    assert (told["messages"], told["set_aside"], told["line"]) == (11, 3, 10)
    assert (told["events"], told["identities"]) == (5, 1)
    assert told["dropped"] == {"page_unnamed": 2}
    assert told["refused"] == {"id_not_string": 1, "not_json": 2}


def test_a_dry_run_counts_each_lane_that_a_message_waits_in(imported, settings):
    """An exposure makes an event and an impression, or is dropped by one lane and not by the other."""
    settings.change("    split:\n", "    exposures: {enabled: true}\n    split:\n")
    viewed = {"type": "track", "event": "Experiment Viewed", "userId": "u-1"}
    whole = viewed | {"properties": {"experiment_name": "new-cart", "variation_name": "on"}}

    told = imported(lines(whole, viewed), "--dry-run").json[-1]

    assert (told["messages"], told["events"], told["impressions"]) == (2, 2, 1)
    assert told["dropped"] == {"exposure_incomplete": 1}


def test_a_dry_run_stores_nothing(imported, store):
    """Redis stays as it was, and the import after it begins at the first line."""
    imported(lines(*tracks(3)), "--dry-run")

    assert list(store.client.scan_iter("sd:*")) == []
    assert imported(lines(*tracks(3))).json[-1]["accepted"] == 3


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere.jsonl", "Error: {}: No such file or directory"),
        ("folder", "Error: {} is no file: a pipe or a folder can't be read again after a stop"),
        ("pipe", "Error: {} is no file: a pipe or a folder can't be read again after a stop"),
    ],
)
def test_a_file_that_cant_be_read_is_told(command, tmp_path, name, told):
    """One line and exit code 2, before Redis is asked."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    found = command("import", tmp_path / name, "--destination", "web")

    assert (found.code, found.out, found.err.splitlines()[-1]) == (2, "", told.format(tmp_path / name))


@pytest.mark.parametrize("name", ["wbe", "flags"])
def test_an_unknown_destination_is_told_with_the_known_ones(command, settings, name):
    """Exit code 2, and the names to choose from; a source takes no messages."""
    text = settings.file.read_text()
    settings.file.write_text(
        text + 'sources: {flags: {tokens: ["${TEST_SECRET}"], write_key: "${TEST_SDK_KEY}"}}\n'
    )

    found = command("import", "messages.jsonl", "--destination", name)

    assert (found.code, found.out) == (2, "")
    assert found.err.endswith(f'Error: no destination "{name}" in the settings; there are: web\n')


@pytest.mark.parametrize("cut", [gzip.compress(PLAIN)[:-5_000], gzip.compress(PLAIN) + b"oops", b"\x1f\x8bhello"])
def test_of_a_broken_gzip_all_that_can_be_read_is_stored(imported, store, cut):
    """The line up to which it is stored is told, with exit code 1."""
    found = imported(cut)

    waiting = store.client.xlen("sd:web:events:stream") + store.client.xlen("sd:web:identities:stream")
    assert found.code == 1
    assert f"messages.jsonl: can't be read after line {waiting}: " in found.err
    assert (found.json[-1]["line"], found.json[-1]["finished"]) == (waiting, False)


def test_an_empty_file_is_done_at_once(imported):
    """Nothing to do is no error."""
    found = imported(b"")

    assert (found.code, found.err) == (0, "")
    assert (found.json[-1]["messages"], found.json[-1]["finished"]) == (0, True)
