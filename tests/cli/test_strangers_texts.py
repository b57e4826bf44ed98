"""Every command that shows what others wrote: nothing of it steers the terminal, and JSON stays exact."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.cli.terminal import Terminal
from tests.outlets.answers import answer, answering
from tests.support.commands import Ended
from tests.support.service import Service
from tests.test_terminal import HOSTILE, KINDS

#: All of them but half a pair, which no JSON text may hold.
ODD = "x" + "".join(HOSTILE[:-1]) + "y"
MESSAGE = {"type": "track", "event": ODD, "userId": ODD, "messageId": ODD, "properties": {ODD: ODD}}


def steering(text: str) -> list[str]:
    """Return the characters of an output that could steer a terminal."""
    return [char for char in text if unicodedata.category(char) in KINDS and char not in "\n\r"]


def harmless(result: Ended) -> Ended:
    """Return a result, of which nothing steers."""
    assert steering(result.out + result.err) == []
    assert "\r" not in result.out + result.err
    return result


@pytest.fixture
def letters(settings: Service, store: Store) -> None:
    """A dead letter and a paused lane of which each text is odd."""
    item = Item(("events",), "m", orjson.dumps(MESSAGE), "gave_up", ODD, "webhook")
    raw = Item(("events",), "n", b"\xff" + ODD.encode(), "not_json", ODD, ODD)
    intake.accept(store, [item, raw], AcceptOptions("web", 0))
    rest = {"until_ms": 2**50, "refusals": 1, "reason": ODD, "detail": ODD, "words": ODD}
    store.client.hset("sd:web:events:rest", mapping=rest)
    store.client.hset("sd:web:counts", f"events:filtered:{ODD}", 1)
    store.client.hset("sd:forbidden", ODD, 1)


@pytest.mark.parametrize(
    "words",
    [
        "dead list",
        "dead list --json",
        "dead replay --all --dry-run",
        "dead drop --all --dry-run",
        "status",
        "status --json",
    ],
)
def test_what_redis_holds_is_shown_without_steering(
    command: Callable[..., Ended], letters: None, words: str
) -> None:
    """Letters, pauses, counts: as text and as JSON."""
    result = harmless(command(*words.split()))

    assert result.code == 0
    assert "\\u202e" in result.out or "--dry-run" in words
    if "--json" in words:
        assert any(ODD in str(value) for value in values(result.json))


def values(of: Any) -> list[Any]:
    """Return all values and names in a JSON value."""
    if isinstance(of, dict):
        return [each for pair in of.items() for part in pair for each in values(part)]
    return [each for part in of for each in values(part)] if isinstance(of, list) else [of]


def test_one_letter_is_shown_exactly_and_without_steering(command: Callable[..., Ended], letters: None) -> None:
    """The message can be read from it as it was."""
    for listed in harmless(command("dead", "list", "--json")).json:
        shown = orjson.loads(harmless(command("dead", "show", listed["id"])).out)
        assert shown["message"] == listed["message"]
    assert listed["detail"] == ODD


def test_a_preview_steers_nothing(
    command: Callable[..., Ended], run_shown: Callable[..., int], terminal: Terminal, tmp_path: Path
) -> None:
    """As JSON, as requests, and for a person."""
    file = tmp_path / "messages.jsonl"
    file.write_bytes(orjson.dumps(MESSAGE) + b"\n" + orjson.dumps(MESSAGE | {"properties": 7}))

    for more in ([], ["--requests"]):
        result = harmless(command("preview", "--destination", "web", *more, file))
        assert result.code == 0
        assert ODD in values(result.json)
    assert run_shown("preview", "--destination", "web", str(file)) == 0
    assert steering(terminal.text) == []
    assert "\\u202e" in terminal.text


def test_names_of_files_steer_nothing(command: Callable[..., Ended], tmp_path: Path) -> None:
    """Somebody else may have chosen them."""
    odd = tmp_path / "m\x1b[2J\u202e\x9b.jsonl"

    for words in (["import", "--destination", "web"], ["preview", "--destination", "web"]):
        result = harmless(command(*words, odd))
        assert result.code != 0
        assert "\\u202e" in result.err
    odd.write_bytes(b"[}")
    assert "\\u202e" in harmless(command("preview", "--destination", "web", odd)).err


def test_what_a_server_answers_steers_nothing(typed: Callable[..., Ended], tmp_path: Path) -> None:
    """The endpoint that `send` posts to may be anybody's."""
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b'{"type": "track"}')
    body = orjson.dumps({"message": ODD})
    with answering(answer(body, "Connection: close", status="400 Bad Request")) as server:
        result = harmless(typed("send", file, "--to", f"{server.url}/webhook/web", "--authorization", "x"))

    assert result.code == 1
    assert "\\u202e" in result.err


def test_what_split_calls_its_names_steers_nothing(command: Callable[..., Ended], settings: Service) -> None:
    """`check --live` lists them."""
    names = answer(orjson.dumps([{"name": f"\u202e{ODD}", "id": ODD}]), "Connection: close")
    with answering(names) as server:
        text = re.sub('admin_url: "[^"]*"', f'admin_url: "{server.url}"', settings.file.read_text())
        settings.file.write_text(text)
        result = harmless(command("check", "--live"))

    assert "\\u202e" in result.out


def test_settings_that_are_odd_steer_nothing(command: Callable[..., Ended], settings: Service) -> None:
    """Their problems quote them."""
    settings.file.write_text(settings.file.read_text() + '    "a\\u202e\\e[2J\\x9b": 1\n')

    result = harmless(command("check"))

    assert result.code == 2
    assert "\\u202e" in result.err
