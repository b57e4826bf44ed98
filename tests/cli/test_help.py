"""How a person finds the way: help, examples, and what wrong use is told."""

import shlex

import click
import pytest

from split_dest import __version__
from split_dest.cli import cli
from tests.support.commands import ran


def commands(group: click.Group, *above: str) -> dict[tuple[str, ...], click.Command]:
    """Return every command by the words that lead to it."""
    result: dict[tuple[str, ...], click.Command] = {above: group}
    for name, command in group.commands.items():
        result |= (
            commands(command, *above, name) if isinstance(command, click.Group) else {(*above, name): command}
        )
    return result


COMMANDS = commands(cli)
NAMES = [" ".join(words) for words in COMMANDS]


def test_the_commands_are_those_that_are_documented():
    """Nothing is there that nobody knows of."""
    documented = (
        "check, dead, dead drop, dead list, dead replay, dead show, demo, forget, import, preview, resume, run, "
        "sandbox, schema, send, status"
    )

    assert ", ".join(sorted(filter(None, NAMES))) == documented


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("words", COMMANDS, ids=NAMES)
def test_every_command_explains_itself_with_an_example(typed, words, option):
    """-h and --help say what a command does, its options, and one call of it; exit code 0."""
    result = typed(*words, option)

    assert result.code == 0
    assert result.out.startswith(" ".join(["Usage: split-dest", *words]))
    assert f"Example:\n    split-dest {' '.join(words)}" in result.out
    assert result.err == ""


@pytest.mark.parametrize("words", COMMANDS, ids=NAMES)
def test_the_example_of_every_command_is_right_use(words):
    """What the help shows can be typed: every option and argument in it exists."""
    shown = (COMMANDS[words].epilog or "").splitlines()[-1]

    called, rest = cli, shlex.split(shown)[1:]
    while isinstance(called, click.Group):
        called = called.commands[rest.pop(0)]
    context = called.make_context(called.name, rest, resilient_parsing=False)

    assert context.command is called


def test_the_version_is_told():
    """--version names the program and its version."""
    result = ran("--version")

    assert (result.code, result.out, result.err) == (0, f"split-dest, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Usage: split-dest [OPTIONS] COMMAND"),
        (["dead"], "Usage: split-dest dead [OPTIONS] COMMAND"),
        (["statsu"], "No such command 'statsu'"),
        (["status", "--jsno"], "No such option '--jsno'"),
        (["preview"], "give either --destination or --source"),
        (["send", "x.jsonl"], "Missing option '--to'"),
        (["send", "--to", "http://x", "--authorization", "x"], "Missing argument 'FILE'"),
        (["dead", "show"], "Missing argument 'ID'"),
        (["import", "x.jsonl"], "Missing option '--destination'"),
        (["import", "x.jsonl", "--destination", "web", "--rate", "0"], "0 is not in the range x>=1"),
        (["sandbox", "--port", "0"], "0 is not in the range 1<=x<=65535"),
        (["run", "--procfile", "nowhere"], "File 'nowhere' does not exist"),
        (["dead", "list", "--reason", "nonsense"], "'nonsense' is not one of"),
        (["dead", "list", "--since", "yesterday"], "write a time such as 2026-01-31T12:00:00Z, or how long ago"),
    ],
)
def test_wrong_use_is_told_with_exit_code_2(typed, arguments, text):
    """What can't be understood is told on stderr, before anything is done."""
    result = typed(*arguments)

    assert result.code == 2
    assert result.out == ""
    assert text in result.err


@pytest.mark.parametrize(
    "words", [w for w in COMMANDS if w in {("check",), ("status",), ("run",), ("dead", "list")}]
)
def test_settings_that_cant_be_used_are_told_with_exit_code_2(typed, tmp_path, words):
    """Every command that reads settings tells all their problems, by file, line and column."""
    file = tmp_path / "settings.yaml"
    file.write_text("redis: {ulr: embedded}\nintake: {full_at_percent: 200}\n")

    result = typed(*words, "--config", file)

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f'{file}:1:9: unknown key "ulr", did you mean "url"?'
    assert result.err.splitlines()[1].startswith(f"{file}:2:27: intake.full_at_percent: ")


def test_wrong_settings_end_a_process_with_exit_code_2(tmp_path):
    """The same in a separate process, by the file that SPLIT_DEST_CONFIG names."""
    file = tmp_path / "settings.yaml"
    file.write_text("destinations:\n  web:\n    tracks: {}\n")

    result = ran("check", environ={"SPLIT_DEST_CONFIG": str(file)})

    assert (result.code, result.out) == (2, "")
    assert f'{file}:3:5: unknown key "tracks", did you mean "track"?\n' in result.err
    assert f"{file}:3:5: destinations.web.authorization: is required\n" in result.err


def test_without_any_file_the_default_one_is_named(typed, tmp_path, monkeypatch):
    """Outside of the project's folder the message says which file was looked for, and how to name another."""
    monkeypatch.chdir(tmp_path)

    result = typed("status")

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        "config/development.yaml:1:1: can't be read: No such file or directory",
        "Name the settings file with --config or the variable SPLIT_DEST_CONFIG. `split-dest check --config FILE`",
        "checks it, `split-dest run --config FILE` starts everything.",
    ]
