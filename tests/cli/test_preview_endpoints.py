"""preview by the rules of the other two endpoints: the Tracking API's, and a source's."""

import orjson
import pytest

from split_dest.errors import REASONS
from split_dest.segment import times

EXPOSED = {"type": "track", "event": "Experiment Viewed", "messageId": "m-1", "userId": "u-1"}
SEEN = {"experiment_name": "new_checkout", "variation_name": "on"}
IMPRESSION = {"key": "u-1", "split": "checkout", "treatment": "on", "time": 1768469400250}
SOURCE = """
sources:
  flags:
    tokens: ["${TEST_SECRET}"]
    write_key: ${TEST_SDK_KEY}
    flag_traffic_types: {checkout: user, b2b: account}
"""


@pytest.fixture
def source(settings):
    """Settings with a source beside the destination."""
    settings.file.write_text(settings.file.read_text() + SOURCE)


def of_source(command, *impressions, options=()):
    """Previews impressions."""
    return command("preview", "--source", "flags", *options, text=orjson.dumps(list(impressions)))


def test_the_tracking_doors_rules_count_on_request(command):
    """Times are corrected, context and integrations of the batch stand under each message's own."""
    sent = {"type": "track", "event": "Tried", "userId": "u-1", "timestamp": "2026-01-01T00:00:00Z"}
    other = sent | {"integrations": {"Split": True}}
    batch = {"batch": [sent, other], "sentAt": "2026-01-01T00:00:10Z", "integrations": {"All": False}}

    result = command("preview", "--destination", "web", "--endpoint", "tracking", text=orjson.dumps(batch))
    plain = command("preview", "--destination", "web", text=orjson.dumps(batch))

    assert [line["dropped"] for line in result.json] == ["filtered_by_integrations_object", None]
    (event,) = result.json[1]["events"]
    assert times.to_text(event["timestamp"]) > "2026-02"
    assert [line["events"][0]["timestamp"] for line in plain.json] == [1767225600000] * 2


@pytest.mark.parametrize(("keys", "dead"), [("[w]", [None, "write_key_differs"]), ("[w, v]", [None, None])])
def test_joined_envelopes_of_other_keys_are_shown_as_dead_letters(command, settings, keys, dead):
    """As at the endpoint: only messages of the destination's own write keys are accepted."""
    settings.file.write_text(settings.file.read_text() + f"    write_keys: {keys}\n")
    call = {"type": "track", "event": "Tried", "userId": "u-1"}
    joined = b"".join(orjson.dumps({"batch": [call], "writeKey": key}) for key in "wv")

    result = command("preview", "--destination", "web", "--endpoint", "tracking", text=joined)

    assert [line["dead"] for line in result.json] == dead


@pytest.mark.parametrize("endpoint", ["webhook", "tracking"])
def test_times_that_cannot_be_right_are_noted(command, endpoint):
    """Nobody sees from the time alone that it is that of the receipt."""
    sent = {"type": "track", "event": "Tried", "userId": "u-1"}
    stamps = ("soon", "2099-01-01T00:00:00Z", "2026-01-01T00:00:00:Z")
    body = orjson.dumps([sent | {"timestamp": timestamp} for timestamp in stamps])

    result = command("preview", "--destination", "web", "--endpoint", endpoint, text=body)

    assert [line["noted"] for line in result.json] == [["timestamp_unreadable"], ["timestamp_future"], []]
    unreadable, future, past = (line["events"][0]["timestamp"] for line in result.json)
    assert abs(unreadable - future) < 60_000
    assert past == 1767225600000


def test_what_segment_would_refuse_says_its_code(command):
    """The reason is the one that the dead letter would carry."""
    sent = {"batch": [{"type": "track", "event": "Tried"}, {"type": "track", "userId": "u"}]}

    result = command("preview", "--destination", "web", "--endpoint", "tracking", text=orjson.dumps(sent))

    assert [line["dead"] for line in result.json] == ["no_user_anon_id", "event_not_defined"]


def test_the_address_says_the_type(command):
    """A single call names no type; a refused one is told with its id."""
    at_track = ("preview", "--destination", "web", "--endpoint", "tracking", "--call", "track")

    single = command(*at_track, text=b'{"event":"E","userId":"u"}')
    refused = command(*at_track, text=b'{"messageId":"m-7","userId":"u"}')

    assert [event["eventTypeId"] for event in single.json[0]["events"]] == ["E"]
    assert (refused.json[0]["messageId"], refused.json[0]["dead"]) == ("m-7", "event_not_defined")


@pytest.mark.parametrize("endpoint", ["webhook", "tracking"])
@pytest.mark.parametrize("exposures", ["true", "false"])
def test_each_message_is_shown_with_its_own_id(command, settings, endpoint, exposures):
    """Not with what it would claim."""
    settings.file.write_text(settings.file.read_text() + f"    exposures: {{enabled: {exposures}}}\n")
    sent = [
        EXPOSED | {"properties": SEEN},
        EXPOSED | {"messageId": 7},
        EXPOSED | {"messageId": "m-2", "userId": []},
    ]

    result = command("preview", "--destination", "web", "--endpoint", endpoint, text=orjson.dumps(sent))

    assert [line["messageId"] for line in result.json] == ["m-1", "7", "m-2"]
    assert [line["dead"] for line in result.json] == [None, None, "id_not_string"]


def test_an_exposure_shows_its_impression(command, settings):
    """It stands beside the event; without a flag only the event does."""
    settings.file.write_text(settings.file.read_text() + "    exposures: {enabled: true}\n")
    sent = [EXPOSED | {"properties": SEEN, "timestamp": "2026-01-15T09:30:00.250Z"}, EXPOSED]

    result = command("preview", "--destination", "web", text=orjson.dumps(sent))
    requests = command("preview", "--destination", "web", "--requests", text=orjson.dumps(sent[:1]))

    seen = {"split": "new_checkout", "key": "u-1", "treatment": "on", "time": 1768469400250}
    assert result.json[0]["impressions"] == [seen | {"label": "Experiment Viewed"}]
    assert [len(line["events"]) for line in result.json] == [1, 1]
    assert (result.json[1]["impressions"], result.json[1]["dropped"]) == ([], None)
    assert [each["url"].rpartition("/api")[2] for each in requests.json] == [
        "/events/bulk",
        "/testImpressions/bulk",
    ]
    assert requests.json[1]["body"][0]["f"] == "new_checkout"


@pytest.mark.usefixtures("source")
def test_impressions_become_track_calls(command):
    """One line each: the call, or why there is none."""
    others = [IMPRESSION | {"split": "b2b"}, IMPRESSION | {"split": "new"}, IMPRESSION | {"key": ""}]

    result = of_source(command, IMPRESSION, *others)

    assert result.code == 0
    asks = "flags that flag_traffic_types does not name: the workers ask Split for their traffic type\n"
    assert result.err == asks
    (track,) = result.json[0]["tracks"]
    assert (track["type"], track["event"], track["userId"]) == ("track", "get_treatment", "u-1")
    assert track["timestamp"] == "2026-01-15T09:30:00.250Z"
    nothing = {"tracks": [], "dropped": None, "dead": None, "noted": []}
    assert result.json[1:] == [
        nothing | {"dropped": "traffic_type_unmapped"},
        nothing | {"dropped": "traffic_type_unknown"},
        nothing | {"dead": "impression_incomplete"},
    ]


@pytest.mark.usefixtures("source")
def test_the_requests_to_segment_are_shown(command):
    """All track calls of a batch in one, without the write key."""
    result = of_source(command, IMPRESSION, IMPRESSION | {"key": "u-2"}, options=["--requests"])

    (request,) = result.json
    assert request["url"] == "https://api.segment.io/v1/batch"
    assert [call["userId"] for call in request["body"]["batch"]] == ["u-1", "u-2"]
    assert "sentAt" not in request["body"]
    assert "sandbox-sdk-key" not in result.out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "give either --destination or --source"),
        (["--destination", "web", "--source", "flags"], "give either --destination or --source"),
        (["--source", "flgs"], 'no source "flgs" in the settings; there are: flags'),
        (["--destination", "flags"], 'no destination "flags" in the settings; there are: web'),
    ],
)
@pytest.mark.usefixtures("source")
def test_by_whose_rules_must_be_said(command, options, sentence):
    """Exit code 2, and what to write."""
    result = command("preview", *options, text=b"[]")

    assert (result.code, result.out) == (2, "")
    assert sentence in result.err


@pytest.mark.usefixtures("source")
def test_in_a_terminal_a_person_reads_what_becomes_of_impressions(run_shown, terminal, tmp_path):
    """The calls with their properties, and why there is none."""
    (tmp_path / "impressions.json").write_bytes(orjson.dumps([IMPRESSION, {"key": "u"}]))

    code = run_shown("preview", "--source", "flags", tmp_path / "impressions.json")

    assert code == 0
    assert terminal.text.split() == PEOPLE.split()


PEOPLE = f"""
1. checkout, user u-1
   track       get_treatment of userId u-1 at 2026-01-15T09:30:00.250Z
               split: "checkout", treatment: "on", key: "u-1"
2. message, user u
   dead letter impression_incomplete: {REASONS["impression_incomplete"]} (at split)
"""


def test_in_a_terminal_a_person_reads_who_saw_what(run_shown, terminal, settings, tmp_path):
    """The impression of an exposure beside its event."""
    settings.file.write_text(settings.file.read_text() + "    exposures: {enabled: true}\n")
    sent = EXPOSED | {"properties": SEEN, "timestamp": "2026-01-15T09:30:00.250Z"}
    (tmp_path / "messages.json").write_bytes(orjson.dumps(sent))

    code = run_shown("preview", "--destination", "web", tmp_path / "messages.json")

    assert code == 0
    last = " ".join(terminal.text.rstrip().splitlines()[-1].split())
    assert last == "impression u-1 saw on of new_checkout at 2026-01-15T09:30:00.250Z"


def test_more_messages_than_the_endpoint_takes_are_told(command):
    """What refuses a whole request ends the preview, with the line."""
    batch = {"batch": [{"type": "track", "event": "E", "userId": "u"}] * 2502}

    result = command("preview", "--destination", "web", "--endpoint", "tracking", text=orjson.dumps(batch))

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: -:1: ")
    assert "2500" in result.err.replace(",", "")
