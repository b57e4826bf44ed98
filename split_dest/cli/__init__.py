"""``split-dest``: what a person types."""

import os
import signal

# A Ctrl-C while the rest is imported ends the process without a traceback.
_handler = signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys
from collections import UserDict
from collections.abc import Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any

import click

from split_dest import __version__
from split_dest.cli.options import example
from split_dest.errors import (
    NoServer,
    NotPrivate,
    SettingsError,
    SplitDestError,
    StoredUnreadable,
    StoreUnavailable,
)
from split_dest.logs import places
from split_dest.terminal import escaping

signal.signal(signal.SIGINT, _handler)

_PLACES = {
    "demo": "split_dest.cli.demo:demo",
    "run": "split_dest.cli.run:run",
    "check": "split_dest.cli.check:check",
    "schema": "split_dest.cli.schema:schema",
    "preview": "split_dest.cli.preview:preview",
    "status": "split_dest.cli.status:status",
    "dead": "split_dest.cli.dead:dead",
    "resume": "split_dest.cli.resume:resume",
    "forget": "split_dest.cli.forget:forget",
    "send": "split_dest.cli.send:send",
    "import": "split_dest.cli.importing:import_",
    "sandbox": "split_dest.cli.sandbox:sandbox",
}
#: What a shell says of a process that SIGPIPE has ended.
_SIGPIPE = 141
_NO_FILE = """
Name the settings file with --config or the variable SPLIT_DEST_CONFIG. `split-dest check --config FILE`
checks it, `split-dest run --config FILE` starts everything."""


_COMPLETION = """\b
With this line in ~/.bashrc, Tab completes commands, options and reason codes
(zsh: zsh_source in ~/.zshrc):
  eval "$(_SPLIT_DEST_COMPLETE=bash_source split-dest)\""""


class LazyCommands(UserDict[str, Any]):
    """Commands by name, each imported when it is asked for: none waits for what only another needs."""

    def __getitem__(self, name: str) -> Any:
        return resolve_name(self.data[name])


class ListingGroup(click.Group):
    """Commands whose reader may leave before the end, as ``head`` does."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line, which may ask for help."""
        with _ended_by_readers():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _ended_by_readers():
            return super().invoke(ctx)


@contextmanager
def _ended_by_readers() -> Iterator[None]:
    """End the process as SIGPIPE does when nobody reads what it prints."""
    try:
        yield
    except BrokenPipeError:
        # Libraries wrap this error of their sockets. What is still buffered must not fail at the exit.
        for each in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), each.fileno())
        sys.exit(_SIGPIPE)


@click.group(
    cls=ListingGroup,
    commands=LazyCommands(_PLACES),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"{_COMPLETION}\n\n{example('split-dest demo')}",
)
@click.version_option(__version__, prog_name="split-dest")
def cli() -> None:
    """Take Segment's messages and deliver them to Split as events and identities.

    Every command exits with 0 (done), 1 (it failed), 2 (wrong use, or settings that can't be used), 130 (stopped
    by Ctrl-C) or 141 (nobody reads its output any longer). The example needs no account.
    """


def main() -> None:
    """Run the command line; every error ends as one clear text on stderr."""
    with escaping():
        _run()


def _run() -> None:
    try:
        cli(prog_name="split-dest", standalone_mode=False)
    except SettingsError as error:
        _end(2, f"{error}{_NO_FILE if isinstance(error.__cause__, FileNotFoundError) else ''}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end(130, "stopped")
    except StoreUnavailable as error:
        # Who raised it has imported Redis's client already.
        from split_dest.cli.store import lost

        _end(1, lost(error))
    except (SplitDestError, NoServer, NotPrivate, StoredUnreadable) as error:
        _end(1, str(error))
    except OSError as error:
        _end(1, f"{error.filename or 'a file or socket'}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - Python's own report would quote the error, which may quote a message
        _end(1, f"internal error: {type(error).__name__} at {', '.join(places(error))}")


def _end(exit_code: int, text: str) -> None:
    click.echo(text, err=True)
    sys.exit(exit_code)
