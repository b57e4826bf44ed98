"""import: every form of a file, its dead letters, and its progress."""

import gzip
import os
import time

import orjson
import pytest

from split_dest.inbox import dead_letters, intake
from split_dest.inbox.intake import AcceptOptions
from split_dest.mapping.acceptance import item
from split_dest.mapping.rules import Rules
from tests.support.commands import ended, start
from tests.support.service import tracks

KEYS = ["messages", "accepted", "duplicates", "set_aside", "line", "bytes", "total_bytes", "rate"]
KEYS += ["seconds_left", "finished"]
IDENTIFY = {"type": "identify", "messageId": "i-1", "userId": "u-1", "traits": {"plan": "pro"}}


def lines(*values) -> bytes:
    """Return JSON lines."""
    return b"".join(orjson.dumps(value) + b"\n" for value in values)


@pytest.fixture
def imported(command, tmp_path):
    """Import a file of this content; return what came of it."""

    def run(content: bytes, *options, name: str = "messages.jsonl"):
        (tmp_path / name).write_bytes(content)
        return command("import", tmp_path / name, "--destination", "web", *options)

    return run


@pytest.fixture
def stored(store):
    """Return the ids of the messages that wait in a lane."""

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
def test_a_file_is_accepted_as_by_the_endpoint(imported, stored, form):
    """Each message waits in its lane, in the file's order; the last line of stdout has all numbers."""
    result = imported(FORMS[form])

    assert (result.code, result.err) == (0, "")
    numbers = result.json[-1]
    assert list(numbers) == KEYS
    assert (numbers["messages"], numbers["accepted"], numbers["set_aside"]) == (1501, 1501, 0)
    assert (numbers["line"], numbers["seconds_left"], numbers["finished"]) == (1501, 0, True)
    assert numbers["bytes"] == numbers["total_bytes"] == len(FORMS[form])
    assert stored() == [f"m-{n}" for n in range(1500)]
    assert stored("identities") == ["i-1"]


def test_a_line_may_hold_several_messages(imported, stored):
    """An array, an envelope, elements in wrappers and blank lines stand beside single messages."""
    one, two, three, *rest = tracks(5)
    content = lines(one, [two, three]) + b"\n  \n" + lines({"batch": rest[:1]}, [{"json": rest[1]}], [])

    result = imported(content)

    assert (result.json[-1]["accepted"], result.json[-1]["line"]) == (5, 7)
    assert stored() == [f"m-{n}" for n in range(5)]


def test_bad_lines_become_dead_letters_and_stop_nothing(imported, stored, store):
    """A line that is not JSON is kept whole with its number; the rest has the endpoint's own reasons."""
    content = (
        lines(*tracks(2))
        + b'{"type": "tra\n\nhello\r\n'
        + lines(7, {"type": "track", "userId": {}}, *tracks(1, 2))
    )

    result = imported(content)

    assert result.code == 0
    assert (result.json[-1]["messages"], result.json[-1]["accepted"], result.json[-1]["set_aside"]) == (7, 3, 4)
    assert stored() == ["m-0", "m-1", "m-2"]
    letters = [(each.reason, each.detail, each.text) for each in dead_letters.browse(store, "web")]
    assert letters[:2] == [("not_json", "line 3", b'{"type": "tra'), ("not_json", "line 5", b"hello")]
    assert [reason for reason, _, _ in letters[2:]] == ["not_an_object", "id_not_string"]


def test_lines_that_are_too_large_become_dead_letters(imported, settings, store, stored):
    """More messages or bytes than the endpoint takes at once; of endless bytes only the beginning is kept."""
    settings.file.write_text(settings.file.read_text() + "intake: {max_body_bytes: 100000}\n")
    many = b"[" + b",".join([b"{}"] * 10_001) + b"]"
    content = lines(*tracks(1)) + many + b"\n[" + b" " * 200_000 + b"]\n" + lines(*tracks(1, 1))

    result = imported(content)

    assert (result.json[-1]["accepted"], result.json[-1]["set_aside"], result.json[-1]["line"]) == (2, 2, 4)
    first, second = dead_letters.browse(store, "web")
    assert (first.reason, first.detail) == ("message_too_large", "line 2: more than 10,000 messages")
    assert first.text == many
    assert (second.reason, len(second.text)) == ("message_too_large", 65_536)
    assert second.detail == "line 3: 200003 bytes, of which the beginning is kept"
    assert stored() == ["m-0", "m-1"]


def test_the_longest_array_is_one_line(imported, store):
    """Ten thousand messages on one line are stored at once."""
    result = imported(lines(tracks(3), tracks(10_000), tracks(3)), "--rate", "100000")

    assert (result.json[-1]["accepted"], result.json[-1]["duplicates"]) == (10_000, 6)
    assert store.client.xlen("sd:web:events:stream") == 10_000


def test_what_the_endpoint_has_accepted_counts_as_a_duplicate(imported, endpoint):
    """A file that overlaps with what Segment has sent doubles nothing."""
    endpoint(*tracks(3))

    result = imported(lines(*tracks(5)))

    assert (result.json[-1]["accepted"], result.json[-1]["duplicates"]) == (2, 3)


def test_what_came_with_a_write_key_is_no_duplicate(imported, store):
    """Write keys are public, so ids that come with one count for nothing else."""
    items = [item(each, Rules(), None, "tracking") for each in tracks(3)]
    intake.accept(store, items, AcceptOptions("web", 24))

    result = imported(lines(*tracks(3)))

    assert (result.json[-1]["accepted"], result.json[-1]["duplicates"]) == (3, 0)


def test_a_bad_line_is_one_dead_letter_and_does_not_claim_its_id(imported, store, stored):
    """The file again makes no second one, and the repaired message is stored."""
    (good,) = tracks(1)
    bad = lines(good | {"userId": []}) + b"{oops\n"

    result = [imported(bad).json[-1], imported(bad + lines(good)).json[-1]]

    assert [(each["accepted"], each["duplicates"], each["set_aside"]) for each in result] == [(0, 0, 2), (1, 2, 0)]
    assert (stored(), len(list(dead_letters.browse(store, "web")))) == (["m-0"], 2)


def test_large_lines_that_begin_alike_are_dead_letters_each(imported, settings, store):
    """Their beginning is kept; but they are known by all of them."""
    settings.file.write_text(settings.file.read_text() + "intake: {max_body_bytes: 100000}\n")
    content = b"".join(b"[" + b" " * 200_000 + end + b"]\n" for end in (b"1", b"2", b"1"))

    result = imported(content)

    assert (result.json[-1]["duplicates"], result.json[-1]["set_aside"]) == (1, 2)


def test_the_lanes_are_woken_and_the_bookmark_goes(imported, store):
    """Workers find their jobs, and a finished file leaves nothing behind."""
    imported(lines(*tracks(3), IDENTIFY))

    assert store.client.llen("sd:rq:queue:drains") == 2
    assert store.client.exists("sd:web:imports") == 0


def test_the_whole_service_delivers_an_imported_file(imported, working, sandbox):
    """From the file to Split."""
    imported(lines(*tracks(50)))

    assert {event["key"] for event in sandbox.wait_for("events", 50)} == {f"u-{n}" for n in range(50)}


def test_the_rate_is_kept_and_progress_is_told_about_every_second(imported):
    """At 40 a second, 100 messages take two seconds and a half; the lines of JSON say how far it is."""
    started = time.monotonic()

    result = imported(lines(*tracks(100)), "--rate", "40")

    assert time.monotonic() - started > 2.3
    assert [list(line) for line in result.json] == [KEYS] * len(result.json)
    assert len(result.json) >= 3
    first, *_, last = result.json
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

    result = ended(start("import", file, "--config", away, "--destination", "web", "--dry-run"))

    assert (result.code, result.err) == (0, "")
    numbers = result.json[-1]
    assert list(numbers) == [*KEYS, "events", "identities", "impressions", "dropped", "refused"]
    assert (numbers["messages"], numbers["set_aside"], numbers["line"]) == (11, 3, 10)
    assert (numbers["events"], numbers["identities"]) == (5, 1)
    assert numbers["dropped"] == {"page_unnamed": 2}
    assert numbers["refused"] == {"id_not_string": 1, "not_json": 2}


def test_a_dry_run_counts_each_lane_that_a_message_waits_in(imported, settings):
    """An exposure makes an event and an impression, or is dropped by one lane and not by the other."""
    settings.change("    split:\n", "    exposures: {enabled: true}\n    split:\n")
    viewed = {"type": "track", "event": "Experiment Viewed", "userId": "u-1"}
    whole = viewed | {"properties": {"experiment_name": "new-cart", "variation_name": "on"}}

    numbers = imported(lines(whole, viewed), "--dry-run").json[-1]

    assert (numbers["messages"], numbers["events"], numbers["impressions"]) == (2, 2, 1)
    assert numbers["dropped"] == {"exposure_incomplete": 1}


def test_a_dry_run_stores_nothing(imported, store):
    """Redis stays as it was, and the import after it begins at the first line."""
    imported(lines(*tracks(3)), "--dry-run")

    assert list(store.client.scan_iter("sd:*")) == []
    assert imported(lines(*tracks(3))).json[-1]["accepted"] == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere.jsonl", "Error: {}: No such file or directory"),
        ("folder", "Error: {} is not a regular file; import needs one so that it can resume"),
        ("pipe", "Error: {} is not a regular file; import needs one so that it can resume"),
    ],
)
def test_a_file_that_cant_be_read_is_told(command, tmp_path, name, text):
    """One line and exit code 2, before Redis is asked."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    result = command("import", tmp_path / name, "--destination", "web")

    assert (result.code, result.out, result.err.splitlines()[-1]) == (2, "", text.format(tmp_path / name))


@pytest.mark.parametrize("name", ["wbe", "flags"])
def test_an_unknown_destination_is_told_with_the_known_ones(command, settings, name):
    """Exit code 2, and the names to choose from; a source takes no messages."""
    text = settings.file.read_text()
    settings.file.write_text(
        text + 'sources: {flags: {tokens: ["${TEST_SECRET}"], write_key: "${TEST_SDK_KEY}"}}\n'
    )

    result = command("import", "messages.jsonl", "--destination", name)

    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(f'Error: no destination "{name}" in the settings; there are: web\n')


@pytest.mark.parametrize("cut", [gzip.compress(PLAIN)[:-5_000], gzip.compress(PLAIN) + b"oops", b"\x1f\x8bhello"])
def test_of_a_broken_gzip_all_that_can_be_read_is_stored(imported, store, cut):
    """The line up to which it is stored is told, with exit code 1."""
    result = imported(cut)

    waiting = store.client.xlen("sd:web:events:stream") + store.client.xlen("sd:web:identities:stream")
    assert result.code == 1
    assert f"messages.jsonl: can't be read after line {waiting}: " in result.err
    assert (result.json[-1]["line"], result.json[-1]["finished"]) == (waiting, False)


def test_an_empty_file_is_done_at_once(imported):
    """Nothing to do is no error."""
    result = imported(b"")

    assert (result.code, result.err) == (0, "")
    numbers = result.json[-1]
    assert (numbers["messages"], numbers["seconds_left"], numbers["finished"]) == (0, 0, True)


WRONG = {
    "a table": b"id,name\n" + b"".join(b"%d,Ann\n" % n for n in range(3000)),
    "a text that holds examples": b"# Title\n\nText.\n" * 5 + lines(*tracks(20)),
}


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--rate", "50")])
@pytest.mark.parametrize("kind", WRONG)
def test_a_file_of_another_kind_stops_it_at_once(imported, store, kind, options):
    """When none of the first ten lines is JSON nothing is kept, or less than ten lines where a step is short."""
    result = imported(WRONG[kind], *options)

    waiting = len(list(dead_letters.browse(store, "web")))
    assert result.code == 1
    assert result.err.endswith(": none of the first 10 lines is JSON. Is it the right file?\n")
    assert result.err.startswith("Error: Stopped before the first line" if not waiting else "Error: Stopped after")
    assert waiting == 0 if "--rate" not in options else waiting < 10


def test_bad_lines_in_the_middle_are_no_other_file(imported, store):
    """Ten in a row behind one good line, or where an import resumes, are kept."""
    content = lines(*tracks(1)) + b"".join(b"oops %d\n" % n for n in range(1001)) + lines(*tracks(1, 1))

    result, again = imported(content), imported(content, "--max-bad", "1001")

    assert (result.code, again.code) == (1, 0)
    assert again.json[-1]["line"] == 1003
    assert len(list(dead_letters.browse(store, "web"))) == 1001


def test_few_lines_that_are_not_json_are_no_other_file(imported, store):
    """A short file of bad lines is kept as dead letters, as in any other file."""
    result = imported(b"hello\n" * 9)

    assert (result.code, result.json[-1]["finished"]) == (0, True)
    assert [letter.reason for letter in dead_letters.browse(store, "web")] == ["not_json"]


def test_dead_letters_of_an_import_are_bounded(imported, store):
    """It stops before there are too many, at a whole step, and resumes when more are allowed."""
    bad = [{"type": "track", "userId": [n]} for n in range(1100)]
    content = lines(*tracks(1500), *bad, *tracks(1, 1500))

    trial, result = imported(content, "--dry-run"), imported(content)
    again = imported(content, "--max-bad", "1100")

    assert result.code == 1
    assert result.err == (
        "Error: Stopped after line 2000: more than 1,000 messages are bad."
        " A larger --max-bad lets it go on from there.\n"
    )
    assert (trial.code, trial.err) == (result.code, result.err)
    assert trial.json[-1]["set_aside"] == result.json[-1]["set_aside"]
    assert (result.json[-1]["accepted"], result.json[-1]["set_aside"], result.json[-1]["line"]) == (
        1500,
        500,
        2000,
    )
    assert (again.code, again.err) == (0, "Resuming after line 2,000\n")
    assert (again.json[-1]["accepted"], again.json[-1]["set_aside"]) == (1, 600)
