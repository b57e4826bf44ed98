"""``split-dest``: what a person types."""

import sys

import click

from split_dest import __version__
from split_dest.cli.check import check
from split_dest.cli.dead import dead
from split_dest.cli.demo import demo
from split_dest.cli.importing import import_
from split_dest.cli.options import example
from split_dest.cli.preview import preview
from split_dest.cli.run import run
from split_dest.cli.sandbox import sandbox
from split_dest.cli.send import send
from split_dest.cli.status import status
from split_dest.embedded_redis import NoServer
from split_dest.errors import SettingsError, SplitDestError, StoreUnavailable
from split_dest.logs import places


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=example("split-dest demo"),
)
@click.version_option(__version__, prog_name="split-dest")
def cli() -> None:
    """Takes Segment's messages and delivers them to Split as events and identities.

    Every command exits with 0 (done), 1 (it failed) or 2 (wrong use, or settings that can't be used). The example
    needs no account.
    """


for command in (demo, run, check, preview, status, dead, send, import_, sandbox):
    cli.add_command(command)


def main() -> None:
    """Runs the command line; every error ends as one clear text on stderr."""
    try:
        cli(prog_name="split-dest", standalone_mode=False)
    except SettingsError as error:
        _end(2, str(error))
    except click.ClickException as error:
        error.show()
        sys.exit(2 if isinstance(error, click.UsageError) else 1)
    except (click.Abort, KeyboardInterrupt):
        _end(1, "stopped")
    except StoreUnavailable as error:
        _end(1, f"{error.detail}: is Redis running, and does redis.url in the settings lead to it?")
    except (SplitDestError, NoServer) as error:
        _end(1, str(error))
    except OSError as error:
        _end(1, f"{error.filename or 'a file or socket'}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - Python's own report would quote the error, which may quote a message
        _end(1, f"a fault of ours: {type(error).__name__} at {', '.join(places(error))}")


def _end(exit_code: int, text: str) -> None:
    click.echo(text, err=True)
    sys.exit(exit_code)
