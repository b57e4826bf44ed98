"""A reader that leaves before the end, as head does: no traceback, and the exit code of other tools."""

import os
from pathlib import Path

import pytest

from tests.support.commands import ended, start
from tests.support.service import tracks

#: Every command that prints lines, with what a file of messages is called in it.
COMMANDS = {
    "help": ("--help",),
    "help of a command": ("dead", "list", "--help"),
    "check": ("check",),
    "dead list": ("dead", "list"),
    "dead list --json": ("dead", "list", "--json"),
    "dead replay": ("dead", "replay", "--all", "--yes", "--dry-run"),
    "import": ("import", "FILE", "--destination", "web", "--dry-run"),
    "preview": ("preview", "FILE", "--destination", "web"),
    "schema": ("schema",),
    "status": ("status",),
    "status --json": ("status", "--json"),
    "status --watch": ("status", "--watch"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves_is_no_error(command, settings, store, endpoint, tmp_path: Path):
    """The exit code is 141, as of a command that SIGPIPE ends; nothing is said about it."""
    file = tmp_path / "messages.jsonl"
    file.write_text('{"type": "track", "userId": "u", "event": "E"}\n')
    endpoint(*tracks(2), {"type": "track", "userId": {}})
    arguments = [file if each == "FILE" else each for each in COMMANDS[command]]
    read, write = os.pipe()
    os.close(read)

    environ = settings.environ | {"SPLIT_DEST_CONFIG": str(settings.file)}
    process = start(*arguments, environ=environ, stdout=write)
    os.close(write)
    result = ended(process)

    assert (result.code, result.err) == (141, "")
