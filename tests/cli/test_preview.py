"""preview: every form that messages come in, and what is told of those that can't be read."""

import gzip
import time

import orjson
import pytest

from split_dest.errors import REASONS
from tests.support.commands import REPOSITORY, ran

ONE = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "u-1",
    "timestamp": "2026-01-15T09:30:00.250Z",
    "properties": {"total": 5},
}
TWO = {
    "type": "identify",
    "messageId": "m-2",
    "userId": "u-1",
    "timestamp": "2026-01-15T09:30:00Z",
    "traits": {"plan": "pro"},
}
BOTH = [
    {
        "messageId": "m-1",
        "events": [
            {
                "eventTypeId": "Order_Completed",
                "trafficTypeName": "user",
                "key": "u-1",
                "timestamp": 1768469400250,
                "value": None,
                "properties": {"total": 5},
            }
        ],
        "identities": [],
        "impressions": [],
        "dropped": None,
        "dead": None,
        "noted": [],
    },
    {
        "messageId": "m-2",
        "events": [],
        "identities": [{"trafficType": "user", "key": "u-1", "values": {"plan": "pro"}}],
        "impressions": [],
        "dropped": None,
        "dead": None,
        "noted": [],
    },
]
FIRST, SECOND = orjson.dumps(ONE), orjson.dumps(TWO)

FORMS = {
    "array": b"[" + FIRST + b"," + SECOND + b"]",
    "array, indented": orjson.dumps([ONE, TWO], option=orjson.OPT_INDENT_2),
    "array, a message a line": b"[" + FIRST + b",\n" + SECOND + b"\n]\n",
    "array, without a comma": b"[" + FIRST + b"\n" + SECOND + b"]",
    "array, cut": b"[" + FIRST + b",\n" + SECOND + b",\n",
    "array, wrapped": orjson.dumps([{"json": ONE}, {"json": TWO}]),
    "envelope": orjson.dumps({"batch": [ONE, TWO], "sentAt": "2026-01-15T09:30:00Z"}),
    "envelope, indented": orjson.dumps({"batch": [ONE, TWO]}, option=orjson.OPT_INDENT_2),
    "lines": FIRST + b"\n" + SECOND + b"\n",
    "lines, no end": FIRST + b"\n" + SECOND,
    "lines, Windows": FIRST + b"\r\n" + SECOND + b"\r\n",
    "lines, blank ones": b"\n\n" + FIRST + b"\n \n" + SECOND + b"\n\n",
    "lines of arrays": b"[" + FIRST + b"]\n[" + SECOND + b"]\n",
    "byte order mark": b"\xef\xbb\xbf" + FIRST + b"\n" + SECOND,
}


@pytest.mark.parametrize("form", FORMS)
def test_messages_come_in_every_form(command, tmp_path, form):
    """An array, an envelope or JSON lines, even damaged, make one line of JSON a message, in their order."""
    file = tmp_path / "messages"
    file.write_bytes(FORMS[form])

    result = command("preview", "--destination", "web", file)

    assert (result.code, result.err) == (0, "")
    assert result.json == BOTH


@pytest.mark.parametrize("text", [FIRST, orjson.dumps(ONE, option=orjson.OPT_INDENT_2), b" " + FIRST + b"\n"])
@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_one_message_comes_on_standard_input(command, text, arguments):
    """Without a file, or with -, standard input is read; one message may stand on several lines."""
    result = command("preview", "--destination", "web", *arguments, text=text)

    assert (result.code, result.err) == (0, "")
    assert result.json == BOTH[:1]


def test_no_key_no_redis_and_no_network_is_needed(away):
    """In a separate process, without any variable, and with settings that lead nowhere."""
    away.write_text(away.read_text().replace("http://127.0.0.1:", "http://nowhere.invalid:"))

    result = ran("preview", "--config", away, "--destination", "web", text=FORMS["lines"])

    assert (result.code, result.err) == (0, "")
    assert result.json == BOTH


@pytest.mark.parametrize("name", ["WEB_PRODUCTION_SECRET", "SPLIT_SDK_KEY", "FLAGS_PRODUCTION_TOKEN"])
def test_the_documented_settings_need_no_variable_for_it(typed, name):
    """Every secret of the documented file may be absent, or name a file that is not there."""
    file = REPOSITORY / "tests" / "data" / "settings.yaml"

    result = typed(
        *("preview", "--config", file, "--destination", "web-production"),
        text=FIRST,
        environ={f"{name}_FILE": "/nowhere"},
    )

    assert (result.code, result.json) == (0, BOTH[:1])


NOTHING = {"events": [], "identities": [], "impressions": [], "dropped": None, "dead": None, "noted": []}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (ONE | {"type": "alias"}, {"dropped": "unsupported_type", "noted": ["alias"]}),
        (ONE | {"userId": None}, {"dropped": "no_mapped_identity"}),
        (ONE | {"event": "get_treatment"}, {"dropped": "event_filtered"}),
        (ONE | {"userId": []}, {"dead": "id_not_string"}),
        (ONE | {"properties": 7}, {"dead": "properties_not_object"}),
        (ONE | {"properties": {"long": "x" * 40_000}}, {"dead": "message_too_large"}),
        (7, {"dead": "not_an_object", "messageId": None}),
    ],
)
def test_a_message_that_becomes_nothing_says_why(command, message, why):
    """The reason code is the one that the counts or the dead letter would carry; exit code 0."""
    result = command("preview", "--destination", "web", text=orjson.dumps([message, TWO]))

    assert result.code == 0
    assert result.json == [NOTHING | {"messageId": "m-1"} | why, BOTH[1]]


def test_what_is_repaired_or_left_out_is_noted(command):
    """By the codes that status counts."""
    many = ONE | {"event": "Ä b", "properties": {f"p{n}": n for n in range(400)}}

    result = command("preview", "--destination", "web", text=orjson.dumps(many))

    assert result.json[0]["noted"] == ["event_type_id_sanitized", "properties_left_out"]
    assert len(result.json[0]["events"][0]["properties"]) == 300


def test_gzip_is_read_as_by_an_import(command, tmp_path):
    """From a file and from standard input; a damaged one is told with its name."""
    packed = gzip.compress(FORMS["lines"])
    (tmp_path / "messages.jsonl.gz").write_bytes(packed)
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[:-9])

    from_file = command("preview", "--destination", "web", tmp_path / "messages.jsonl.gz")
    from_input = command("preview", "--destination", "web", text=packed)
    cut = command("preview", "--destination", "web", tmp_path / "cut.jsonl.gz")

    assert from_file.json == BOTH
    assert from_input.json == BOTH
    assert (cut.code, cut.out) == (1, "")
    assert cut.err.startswith(f"Error: Could not open file '{tmp_path}/cut.jsonl.gz': damaged gzip: ")


def test_the_packaged_examples_can_be_previewed(command):
    """The help names their file."""
    named = command("preview", "--help").out.partition("Messages to try it with:\n")[2].split()[0]

    result = command("preview", "--destination", "web", named)

    assert result.code == 0
    assert len(result.json) >= 8


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "1:1: not JSON: Input is a zero-length, empty document"),
        (b"hello\n", "1:1: not JSON: unexpected character, expected a JSON value"),
        (FIRST + b"\n{oops}\n" + SECOND, "2:2: not JSON: unexpected character, expected a string key"),
        (b"\n" + FIRST + b"\n\n" + SECOND[:-1] + b"\n", f"4:{len(SECOND)}: not JSON: unexpected end of data"),
        (b'{\n  "type": "track",\n  oops\n}\n', "3:3: not JSON: unexpected character, expected a string key"),
        (b"\xff\xfe", "1:1: not JSON: str is not valid UTF-8"),
    ],
)
def test_what_is_not_json_is_told_by_file_and_line(command, tmp_path, text, sentence):
    """The line is that of the file, whatever form the messages have; exit code 1 and nothing shown."""
    file = tmp_path / "messages.jsonl"
    file.write_bytes(text)

    result = command("preview", "--destination", "web", file)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: {file}:")
    assert sentence in result.err


def test_standard_input_that_is_not_json_is_told_as_a_dash(typed, away):
    """The same for what comes through a pipe."""
    result = typed("preview", "--config", away, "--destination", "web", text=b"{}\noops\n")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: -:2:1: not JSON: ")


@pytest.mark.parametrize(
    ("name", "sentence"), [("nowhere.jsonl", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cant_be_read_is_told(command, name, sentence):
    """Exit code 1, with the file's name."""
    result = command("preview", "--destination", "web", name)

    assert (result.code, result.out) == (1, "")
    assert name in result.err
    assert sentence in result.err


def test_an_unknown_destination_is_told_with_the_known_ones(command, settings):
    """Exit code 2, and the names to choose from."""
    settings.file.write_text(settings.file.read_text().replace("  web:", "  web: &it") + "  app: *it\n")

    result = command("preview", "--destination", "wbe", text=FIRST)

    assert (result.code, result.out) == (2, "")
    assert 'no destination "wbe" in the settings; there are: web, app' in result.err


def test_thousands_of_messages_take_seconds(command):
    """A file of a day is no reason to wait for a day."""
    many = b"\n".join(orjson.dumps(ONE | {"messageId": f"m-{n}"}) for n in range(3000))
    started = time.monotonic()

    result = command("preview", "--destination", "web", text=many)

    assert time.monotonic() - started < 5
    assert [line["messageId"] for line in result.json] == [f"m-{n}" for n in range(3000)]


def test_in_a_terminal_a_person_reads_what_becomes_of_each(run_shown, terminal, tmp_path):
    """What a message is, what it becomes, and each code with its sentence; a dead letter is called one."""
    exotic = {"userId": "u\x1b[2J", "messageId": "m-3", "timestamp": "2026-01-15T09:30:00Z"}
    messages = [
        ONE,
        TWO,
        {"type": "page", "messageId": "m-4", "userId": "u-1"},
        ONE | {"properties": {"long": "x" * 40_000}},
        exotic | {"type": "track", "event": "Ä b", "properties": {f"p{n}": n for n in range(400)}},
        7,
    ]
    (tmp_path / "messages.json").write_bytes(orjson.dumps(messages))

    code = run_shown("preview", "--destination", "web", tmp_path / "messages.json")

    assert code == 0
    assert terminal.text.split() == PEOPLE.split()
    assert max(len(line) for line in terminal.text.splitlines()) <= 80
    assert "\x1b[2J" not in terminal.raw


PEOPLE = rf"""
1. track Order Completed, user u-1, id m-1
   event       Order_Completed of user u-1 at 2026-01-15T09:30:00.250Z
               total: 5
2. identify, user u-1, id m-2
   identity    user u-1
               plan: "pro"
3. page, user u-1, id m-4
   filtered    page_unnamed: {REASONS["page_unnamed"]}
4. track Order Completed, user u-1, id m-1
   dead letter message_too_large: {REASONS["message_too_large"]} (40182 bytes)
5. track Ä b, user u\u001b[2J, id m-3
   event       b of user u\u001b[2J at 2026-01-15T09:30:00.000Z
               p0: 0, p1: 1, p2: 2, p3: 3, p4: 4, p5: 5, p6: 6, p7: 7, p8: 8, p9: 9, p10: 10, p11: 11, p12: 12,
               p13: 13, p14: 14, p15: 15, p16: 16, p17: 17, p18: 18, p19: 19, and 280 more
   noted       event_type_id_sanitized: {REASONS["event_type_id_sanitized"]}
   noted       properties_left_out: {REASONS["properties_left_out"]}
6. message
   dead letter not_an_object: {REASONS["not_an_object"]}
"""


def test_in_a_terminal_requests_are_indented(run_shown, terminal, tmp_path):
    """For a person's eyes."""
    (tmp_path / "messages.json").write_bytes(FIRST)

    code = run_shown("preview", "--destination", "web", "--requests", tmp_path / "messages.json")

    assert code == 0
    assert orjson.loads(terminal.text)["body"][0]["key"] == "u-1"
    assert terminal.text.startswith('{\n  "method": "POST",\n')


def test_a_person_who_names_no_file_is_told_what_to_do(run_shown, terminal):
    """Instead of a terminal that only waits."""
    code = run_shown("preview", "--destination", "web", typing=FIRST.decode() + "\n\x04")

    assert code == 0
    assert "Reading messages from this terminal; end them with Ctrl-D." in terminal.text
    assert "1. track Order Completed, user u-1, id m-1" in terminal.text
