"""Whatever depth a stranger sends, every command that shows messages ends well, and hides no other message."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest import config
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.cli.terminal import Terminal
from tests.support.commands import Ended
from tests.support.endpoint import call
from tests.support.service import SECRET, Service

#: Around what a message may have, what orjson writes, what Python's own parser reads, and what orjson reads.
DEPTHS = [60, 64, 65, 190, 252, 253, 254, 255, 300, 990, 1000, 1010, 1022, 1023, 1024, 1025, 1200]
BEHIND = b'{"type":"track","event":"Behind","userId":{"no":"text"}}'
GOOD = b'{"type":"track","event":"Good","userId":"u"}'


def deep(depth: int) -> dict[str, bytes]:
    """Return JSON texts of this depth: what no endpoint accepts, and what some do."""
    array, obj = b"[" * depth + b"]" * depth, b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
    inner = array[1:-1]
    return {
        "array": array,
        "mixed": b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2),
        "object": obj,
        "properties": b'{"type":"track","event":"E","userId":"u","properties":{"a":%b}}' % array[2:-2],
        "id": b'{"type":"track","event":"E","userId":%b}' % inner,
        "messageId": b'{"type":"track","event":7,"userId":"u","messageId":%b}' % inner,
        "damaged": b'{"type":"track","event":"E","userId":"\\ud800","properties":%b}' % inner,
        "text": b'{"type":"track","event":"E","userId":"u","properties":%b}' % orjson.dumps(obj.decode()),
        "wrapped": b'{"json":{"type":"track","event":"E","userId":{},"traits":%b}}' % array[2:-2],
    }


@pytest.fixture
def settings(make_service: Callable[..., Service]) -> Service:
    """A destination with a public write key, that takes the attributes flat as well."""
    return make_service("    write_keys: [wk]\n    attributes: {nested: flatten}\n")


@pytest.fixture
def client(settings: Service) -> FlaskClient:
    """The endpoints, without a web server around them."""
    return create_app(config.load(settings.file, settings.environ)).test_client()


def body(depth: int) -> bytes:
    """Return an array of all texts, and of two that are not deep."""
    return b"[%b]" % b",".join([*deep(depth).values(), BEHIND, GOOD])


@pytest.fixture(params=DEPTHS)
def depth(request: pytest.FixtureRequest) -> int:
    """Levels of arrays and objects."""
    level: int = request.param
    return level


@pytest.fixture
def sent(client: FlaskClient, depth: int) -> int:
    """Send all to the webhook and with the public write key; return the depth."""
    client.post("/webhook/web", data=body(depth), headers={"Authorization": SECRET})
    for path in ("/v1/batch", "/v1/import"):
        call(client, b'{"batch":%b}' % body(depth), path)
    for text in deep(depth).values():
        call(client, text, "/v1/track")
    return depth


def test_dead_letters_are_listed_shown_replayed_and_dropped(
    command: Callable[..., Ended], sent: int, store: Store
) -> None:
    """Each with its message: as JSON, or as text where JSON can't hold it."""
    number = store.client.xlen("sd:web:dead")

    table, listed = command("dead", "list"), command("dead", "list", "--json")

    assert (table.code, table.err, listed.code, listed.err) == (0, "", 0, "")
    assert len(listed.json) == number
    assert f"{number:,} dead letters: " in table.out
    assert listed.json[-1]["message"] is not None
    assert any("Behind" in str(letter["message"]) for letter in listed.json)
    for letter in listed.json:
        shown = command("dead", "show", letter["id"])
        assert (shown.code, orjson.loads(shown.out)["message"]) == (0, letter["message"])
    for words in (["replay", "--all", "--dry-run"], ["replay", "--all"], ["drop", "--all", "--yes"]):
        ended = command("dead", *words)
        assert (ended.code, ended.err) == (0, "")
    assert store.client.xlen("sd:web:dead") == 0


def test_the_numbers_are_shown(command: Callable[..., Ended], sent: int) -> None:
    """For people and for programs."""
    table, numbers = command("status"), command("status", "--json")

    assert (table.code, table.err, numbers.code, numbers.err) == (0, "", 0, "")
    assert "received" in table.out


@pytest.fixture
def file(tmp_path: Path, depth: int) -> Path:
    """A line for each text."""
    lines = tmp_path / "deep.jsonl"
    # First a good one, by which the file is known to be lines.
    lines.write_bytes(b"\n".join([GOOD, *deep(depth).values(), BEHIND, GOOD]))
    return lines


@pytest.mark.parametrize("options", [[], ["--endpoint", "tracking"], ["--requests"]])
def test_a_preview_shows_all(command: Callable[..., Ended], file: Path, options: list[str]) -> None:
    """Of what both endpoints do with them."""
    result = command("preview", "--destination", "web", *options, file)

    assert (result.code, result.err) == (0, "")
    assert result.json


def test_a_person_is_shown_a_preview(run_shown: Callable[..., int], terminal: Terminal, settings: Service) -> None:
    """With what each message is and whose."""
    file = settings.folder / "deep.jsonl"
    file.write_bytes(b"\n".join([GOOD, *(text for depth in DEPTHS for text in deep(depth).values()), GOOD]))

    assert run_shown("preview", "--destination", "web", "--config", settings.file, file) == 0
    assert "internal error" not in terminal.text
    assert terminal.text.count("Good") >= 2


def test_an_import_takes_all_and_says_so_before(command: Callable[..., Ended], file: Path, store: Store) -> None:
    """A dry run counts the same dead letters as the import makes."""
    dry = command("import", "--dry-run", "--destination", "web", file)
    done = command("import", "--destination", "web", file)

    assert (dry.code, done.code) == (0, 0)
    assert "internal error" not in dry.err + done.err
    refused = orjson.loads((dry.out or dry.err).splitlines()[-1])["refused"]
    assert sum(refused.values()) == store.client.xlen("sd:web:dead")
