"""Dead letters know the endpoint by which they came, and replay reads them again by its rules alone."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest import config
from split_dest.inbox import dead_letters, ledger
from split_dest.inbox.store import Store
from split_dest.segment.times import to_ms
from split_dest.web import create_app
from split_dest.web.tracking import MAX_DEAD_LETTERS
from tests.cli.test_sources import SOURCE
from tests.support.commands import Ended
from tests.support.endpoint import call, stored
from tests.support.sandbox import Sandbox
from tests.support.service import SECRET, Service, tracks

GOOD = orjson.dumps({"type": "track", "event": "E", "userId": "u"})
DELETE = b'{"type":"delete","userId":"victim","messageId":"d"}'
BOM = b"\xef\xbb\xbf"
#: What a stranger may write as an element of a batch, so that another reading of it would be a deletion.
DISGUISES = {
    "plain": DELETE,
    "mark of UTF-8": BOM + DELETE,
    "array": b"[" + DELETE + b"]",
    "array of arrays": b"[[" + DELETE + b"]]",
    "envelope": b'{"batch":[' + DELETE + b"]}",
    "envelope in an array": b'[{"batch":[' + DELETE + b"]}]",
    "wrapped": b'{"json":' + DELETE + b"}",
    "wrapped twice": b'{"json":{"json":' + DELETE + b"}}",
    "array in a wrapper": b'{"json":[' + DELETE + b"]}",
    "string": orjson.dumps(DELETE.decode()),
    "string of a batch": orjson.dumps({"batch": "[" + DELETE.decode() + "]"}),
    "lines": DELETE + b"\n" + DELETE,
    "comma too many": DELETE[:-1] + b",}",
    "no end": DELETE[:-1],
    "zeros": DELETE + b"\0\0",
    "number of another type": DELETE[:-1] + b',"traits":7}',
    "not a number": DELETE[:-1] + b',"n":NaN}',
    "half a pair": DELETE[:-1] + b',"n":"\\ud800"}',
    "deep": DELETE[:-1] + b',"n":' + b"[" * 70 + b"]" * 70 + b"}",
    "large": DELETE[:-1] + b',"n":"' + b"x" * 40_000 + b'"}',
    "cut behind it": DELETE + b" " * (65_536 - len(DELETE)) + b"oops",
    "cut within blanks": DELETE + b" " * 70_000 + b"oops",
}


@pytest.fixture
def settings(make_service: Callable[..., Service]) -> Service:
    """A destination that deletes, at all endpoints, and a source."""
    more = "    write_keys: [wk]\n    delete: {enabled: true}\n"
    return make_service(more + SOURCE)


@pytest.fixture
def client(settings: Service) -> FlaskClient:
    """The endpoints, without a web server around them."""
    return create_app(config.load(settings.file, settings.environ)).test_client()


def deletions(store: Store) -> list[str]:
    """Return the ids of messages that wait and would remove an identity."""
    return [message.message_id for message in stored(store) if message.type == "delete"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/track", "/v1/identify"])
def test_a_public_write_key_deletes_nothing_by_way_of_a_replay(
    command: Callable[..., Ended], settings: Service, client: FlaskClient, store: Store, path: str
) -> None:
    """Whatever a stranger disguises as a message, and whatever the operator replays with larger limits."""
    for disguise in DISGUISES.values():
        call(client, b'{"batch":[' + disguise + b"," + GOOD + b"]}", path)
        call(client, disguise, path)
    before = len(list(dead_letters.browse(store, "web")))
    settings.file.write_text(settings.file.read_text() + "intake: {max_message_bytes: 5000000}\n")

    result = command("dead", "replay", "--all")

    assert before >= 10
    assert result.code == 0
    assert deletions(store) == []


@pytest.mark.parametrize("name", ["mark of UTF-8", "array", "envelope", "cut behind it", "cut within blanks"])
def test_what_was_refused_is_refused_again(
    command: Callable[..., Ended], client: FlaskClient, store: Store, name: str
) -> None:
    """An element stays one: nothing is opened in it, and nothing that was cut is taken for whole."""
    call(client, b'{"batch":[' + DISGUISES[name] + b"," + GOOD + b"]}", "/v1/batch")
    reason = next(dead_letters.browse(store, "web")).reason

    result = command("dead", "replay", "--all", "--dry-run")

    assert f"{reason}  would be refused again: {reason}\n" in result.out
    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
@pytest.mark.parametrize(
    "message",
    [{"userId": "u"}, {"userId": "u", "event": [7]}, {"event": "E"}],
    ids=["no event", "no name", "nobody"],
)
def test_what_the_tracking_api_refuses_no_webhook_takes(
    command: Callable[..., Ended], client: FlaskClient, store: Store, path: str, message: dict[str, Any]
) -> None:
    """Though the webhook would, for its sender is known."""
    call(client, {"batch": [{"type": "track", **message}]} if path == "/v1/batch" else message, path)

    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"


def test_a_replayed_letter_of_the_tracking_api_keeps_its_times(
    command: Callable[..., Ended], settings: Service, client: FlaskClient, store: Store
) -> None:
    """They were corrected by the sender's clock when it came; once more would move them."""
    sent = {"userId": "u", "event": "E", "timestamp": "2026-01-01T00:00:00Z", "sentAt": "2026-01-01T00:00:10Z"}
    call(client, sent | {"messageId": "large", "properties": {"p": "x" * 40_000}})
    call(client, sent | {"messageId": "small"})
    settings.file.write_text(settings.file.read_text() + "intake: {max_message_bytes: 60000}\n")

    command("dead", "replay", "--all")

    small, large = stored(store)
    times = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
    assert (large.message_id, small.message_id) == ("large", "small")
    corrected = [to_ms(message.fields["timestamp"]) or 0 for message in (large, small)]
    assert abs(corrected[0] - corrected[1]) < 5000
    assert large.fields["originalTimestamp"] == "2026-01-01T00:00:00Z"
    assert all(name in large.fields for name in times)


def test_a_deletion_of_the_webhook_can_be_replayed(
    command: Callable[..., Ended], settings: Service, client: FlaskClient, store: Store
) -> None:
    """Its sender has the secret."""
    message = orjson.loads(DELETE) | {"n": "x" * 40_000}
    client.post("/webhook/web", json=[message], headers={"Authorization": SECRET})
    settings.file.write_text(settings.file.read_text() + "intake: {max_message_bytes: 60000}\n")

    assert command("dead", "replay", "--all").out == "1 replayed, 0 skipped (would be refused again)\n"
    assert deletions(store) == ["d"]


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        (DELETE, "gave_up", "gave_up (a delete whose endpoint is not known)"),
        (DELETE, "message_too_large", "message_too_large (a delete whose endpoint is not known)"),
        (b"[" + DELETE + b"]", "not_an_object", "not_an_object"),
        (b'{"userId":"u","type":"track"}', "event_not_defined", "event_not_defined"),
    ],
)
def test_a_letter_of_a_former_version_is_read_by_the_strictest_rules(
    command: Callable[..., Ended], store: Store, text: bytes, reason: str, code: str
) -> None:
    """It does not know its endpoint, so a deletion in it may be a stranger's."""
    store.client.xadd("sd:web:dead", {"lane": "events", "reason": reason, "detail": "", "m": text, "t": 1})

    listed, dry = command("dead", "list", "--json"), command("dead", "replay", "--all", "--dry-run")

    assert listed.json[0]["endpoint"] is None
    assert f"would be refused again: {code}\n" in dry.out
    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"


@pytest.mark.parametrize("endpoint", ["", "tracking", "impressions", "pixel2", "Webhook", "webhook2", "split-9"])
@pytest.mark.parametrize("reason", ["gave_up", "record_refused", "message_too_large", "id_not_string"])
@pytest.mark.parametrize("text", [DELETE, DISGUISES["wrapped"], DISGUISES["zeros"], DISGUISES["deep"]])
def test_only_what_the_webhook_or_an_import_received_deletes(
    command: Callable[..., Ended], store: Store, endpoint: str, reason: str, text: bytes
) -> None:
    """A letter may name an endpoint of a newer version, or of a source whose name is a destination now."""
    fields = {"lane": "identities", "reason": reason, "detail": "", "m": text, "t": 1, "e": endpoint}
    store.client.xadd("sd:web:dead", fields)

    dry = command("dead", "replay", "--all", "--dry-run")

    assert "would be refused again: " in dry.out
    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"
    assert deletions(store) == []


@pytest.mark.parametrize("endpoint", ["", "tracking", "impressions", "pixel2"])
def test_what_another_endpoint_refused_is_read_by_the_strictest_rules(
    command: Callable[..., Ended], store: Store, endpoint: str
) -> None:
    """The webhook would take a track call without a name, for its sender is known."""
    fields = {"lane": "events", "reason": "event_not_defined", "detail": "", "t": 1, "e": endpoint}
    store.client.xadd("sd:web:dead", fields | {"m": b'{"userId":"u","type":"track"}'})

    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"


@pytest.mark.parametrize("endpoint", ["webhook", "import"])
def test_what_the_webhook_or_an_import_received_deletes_when_it_is_replayed(
    command: Callable[..., Ended], store: Store, endpoint: str
) -> None:
    """Whoever sent it had the secret, or the file."""
    fields = {"lane": "identities", "reason": "gave_up", "detail": "", "m": DELETE, "t": 1, "e": endpoint}
    store.client.xadd("sd:web:dead", fields)

    assert command("dead", "replay", "--all").out == "1 replayed, 0 skipped (would be refused again)\n"
    assert deletions(store) == ["d"]


def test_a_letter_of_a_former_version_is_replayed_all_the_same(
    command: Callable[..., Ended], store: Store
) -> None:
    """What Split refused had passed its endpoint, whichever that was; only a deletion stays."""
    fields = {"lane": "events", "reason": "gave_up", "detail": "", "t": 1}
    store.client.xadd("sd:web:dead", fields | {"m": b'{"messageId":"m","userId":"u","type":"track","event":"E"}'})

    assert command("dead", "replay", "--all").out == "1 replayed, 0 skipped (would be refused again)\n"
    assert [message.message_id for message in stored(store)] == ["m"]


@pytest.mark.parametrize("most_bytes", [200, 70_000], ids=["a short beginning", "a long one"])
def test_a_line_of_an_import_that_was_cut_is_not_taken_for_whole(
    command: Callable[..., Ended], settings: Service, store: Store, most_bytes: int
) -> None:
    """Though its beginning is a message."""
    settings.file.write_text(settings.file.read_text() + f"intake: {{max_body_bytes: {most_bytes}}}\n")
    file = settings.folder / "long.jsonl"
    file.write_bytes(DELETE + b" " * 200_000 + DELETE + b"\n" + GOOD)
    assert command("import", file, "--destination", "web").code == 0
    settings.change(f"max_body_bytes: {most_bytes}", "max_message_bytes: 5000000")

    assert command("dead", "replay", "--all").out == "0 replayed, 1 skipped (would be refused again)\n"
    assert deletions(store) == []


@pytest.fixture
def of_each(
    command: Callable[..., Ended], settings: Service, client: FlaskClient, sandbox: Sandbox
) -> Callable[[bytes], None]:
    """Bring a text in at every endpoint."""

    def bring(text: bytes) -> None:
        headers = {"Authorization": SECRET}
        assert client.post("/webhook/web", data=b"[%b]" % text, headers=headers).status_code == 200
        call(client, b'{"batch":[%b]}' % text, "/v1/batch")
        answer = client.post(f"/impressions/flags?token={SECRET}", data=b"[%b]" % text)
        assert answer.status_code == 200
        file = settings.folder / "some.jsonl"
        # With a difference, for what came by the webhook is a duplicate here.
        file.write_bytes(b"[%b, %b]" % (text, text.swapcase()))
        assert command("import", file, "--destination", "web").code == 0

    return bring


def test_each_endpoint_is_named(command: Callable[..., Ended], of_each: Callable[[bytes], None]) -> None:
    """In the list, in JSON, and where one letter is shown."""
    of_each(b'"a"')

    table, listed = command("dead", "list"), command("dead", "list", "--json").json

    found = {letter["endpoint"] for letter in listed}
    assert found == {"webhook", "tracking", "import", "impressions"}
    for letter in listed:
        row = [letter["id"], letter["destination"], letter["endpoint"]]
        assert row in [line.split()[:1] + line.split()[2:4] for line in table.out.splitlines()]
        shown = orjson.loads(command("dead", "show", letter["id"], "--destination", letter["destination"]).out)
        assert shown["endpoint"] == letter["endpoint"]


def test_what_split_refuses_later_knows_its_endpoint_too(
    command: Callable[..., Ended], settings: Service, client: FlaskClient, sandbox: Sandbox, store: Store
) -> None:
    """Also after it was replayed; and its letter has Split's own words."""
    sandbox.faults({"api": "events", "status": 400})
    settings.start_workers(1)
    client.post("/webhook/web", json=tracks(1), headers={"Authorization": SECRET})
    call(client, {"userId": "u", "event": "E", "messageId": "t"})
    settings.wait_until(lambda: settings.lane().dead == 2)
    first = command("dead", "list", "--json").json
    command("dead", "replay", "--all")
    settings.wait_until(lambda: settings.lane().dead == 2 and settings.lane().pending == 0)

    again = command("dead", "list", "--json").json

    for letters in (first, again):
        assert sorted(letter["endpoint"] for letter in letters) == ["tracking", "webhook"]
        assert {letter["reason"] for letter in letters} == {"record_refused"}
        assert all(letter["words"] for letter in letters)
    assert ledger.read(store, ["web"]).lanes["web", "events"].received == 2


@pytest.mark.parametrize("name", ["webhook", "tracking", "import", "impressions"])
def test_letters_are_chosen_by_their_endpoint(
    command: Callable[..., Ended], of_each: Callable[[bytes], None], store: Store, name: str
) -> None:
    """Alone and with other options; those of the others stay when they are replayed or dropped."""
    of_each(b'"a"')
    # Of an endpoint that is not known.
    store.client.xadd("sd:web:dead", {"lane": "events", "reason": "gave_up", "m": GOOD, "t": 1})
    everything = command("dead", "list", "--json").json
    chosen = [letter for letter in everything if letter["endpoint"] == name]

    listed = command("dead", "list", "--json", "--endpoint", name)
    table = command("dead", "list", "--endpoint", name, "--reason", "not_an_object")
    none = command("dead", "list", "--endpoint", name, "--reason", "gave_up")
    replayed = command("dead", "replay", "--endpoint", name)
    dropped = command("dead", "drop", "--endpoint", name, "--yes")

    assert chosen
    assert listed.json == chosen
    assert [line.split()[0] for line in table.out.splitlines()[1 : len(chosen) + 1]] == [c["id"] for c in chosen]
    assert (none.out, none.err) == ("", "no dead letters\n")
    assert replayed.out == f"0 replayed, {len(chosen)} skipped (would be refused again)\n"
    assert dropped.out == f"{len(chosen)} dropped\n"
    left = command("dead", "list", "--json").json
    assert left == [letter for letter in everything if letter not in chosen]


def test_a_stranger_hides_no_letter_of_the_webhook(
    command: Callable[..., Ended], client: FlaskClient, store: Store
) -> None:
    """A public write key can leave no more than stand before and behind it."""
    strange = [{"type": "track", "userId": f"u{n}"} for n in range(MAX_DEAD_LETTERS)]
    assert len(strange) == 5000
    call(client, {"batch": strange[:2000]}, "/v1/batch")
    client.post("/webhook/web", data=b'["a"]', headers={"Authorization": SECRET})
    for start in range(2000, len(strange), 1000):
        call(client, {"batch": strange[start : start + 1000]}, "/v1/batch")

    everything = command("dead", "list")
    (letter,) = command("dead", "list", "--endpoint", "webhook", "--json").json
    replayed = command("dead", "replay", "--endpoint", "webhook", "--dry-run")
    dropped = command("dead", "drop", "--endpoint", "tracking", "--yes")

    assert "5,000 dead letters: " in everything.out
    assert (letter["endpoint"], letter["message"]) == ("webhook", "a")
    assert "1 dead letter: 0 would be delivered, 0 filtered, 1 refused again (they stay)" in replayed.out
    assert dropped.out == "4,999 dropped\n"
    assert [each.endpoint for each in dead_letters.browse(store, "web")] == ["webhook"]


def test_the_endpoints_to_choose_from_are_those_that_there_are(command: Callable[..., Ended]) -> None:
    """A word that is none of them ends the command."""
    result = command("dead", "list", "--endpoint", "pixel")

    assert result.code == 2
    assert "'pixel' is not one of 'webhook', 'tracking', 'import', 'impressions'" in result.err
