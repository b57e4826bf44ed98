"""The start of a command: it waits for nothing that only other commands need."""

import signal

import orjson

from tests.support.commands import ended, start

KEYS = {"SPLIT_SDK_KEY": "a", "SPLIT_ADMIN_KEY": "b", "WEB_DEVELOPMENT_SECRET": "c"}
PREVIEW = ("preview", "--config", "config/development.yaml", "--destination", "web-development")
MESSAGE = orjson.dumps({"type": "track", "event": "Tried", "userId": "u-1", "messageId": "m-1"})


def imported(*arguments: str) -> set[str]:
    """Return the packages that a command imports from its start to its end."""
    result = ended(start(*arguments, environ=KEYS, program=("-X", "importtime", "-m", "split_dest")), text=MESSAGE)
    assert result.code == 0
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in result.err.splitlines()}


def test_preview_starts_without_servers_and_clients():
    """A preview of a message imports what reads settings and maps, and no client, server or screen."""
    packages = imported(*PREVIEW)

    assert {"split_dest", "click", "marshmallow", "yaml"} <= packages
    assert not packages & {"flask", "gunicorn", "redis", "rich", "rq", "urllib3"}


def test_what_the_requests_of_a_preview_need_is_imported_for_them():
    """With --requests the client of Split is there, so that the other test sees what is imported late as well."""
    assert "urllib3" in imported(*PREVIEW, "--requests")


def test_ctrl_c_ends_the_imports_without_a_traceback():
    """From the first library on, whose import takes most of the start."""
    script = (
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from split_dest.cli import main"
    )

    result = ended(start(program=["-c", script]))

    assert (result.code, result.out, result.err) == (-signal.SIGINT, "", "")


def test_ctrl_c_while_a_command_is_imported_is_told_in_a_word():
    """With the exit code that a shell gives to what was ended by Ctrl-C."""
    script = (
        "import os, signal, sys\n"
        "from split_dest.cli import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'split_dest.cli.preview': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "main()"
    )

    result = ended(start(*PREVIEW, program=["-c", script], environ=KEYS))

    assert (result.code, result.out, result.err.strip()) == (130, "", "stopped")
