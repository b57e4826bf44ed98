"""``split-dest run``."""

import math
import os
import re
import signal
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import click

from split_dest import config, embedded_redis
from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.processes import Processes, show, web_command, worker_command

_LOOK_SECONDS = 0.1
#: Redis reads a large append-only file at about 100 MB a second.
_READ_SECONDS = 600.0


@click.command(epilog=example("split-dest run --config config/development.yaml"))
@config_file
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run the commands of this file instead, each by the shell.",
)
def run(config_path: Path | None, procfile: Path | None) -> None:
    """Run web and worker on this machine until Ctrl-C, with the embedded Redis if the settings say so.

    On SIGHUP both read the settings again.

    HOST (127.0.0.1), PORT (8000), WEB_CONCURRENCY (1) and WORKER_CONCURRENCY (2) are taken from the environment.
    """
    settings = settings_of(config_path)
    config.check_numbers()
    environ = {**os.environ, "SPLIT_DEST_CONFIG": str(config_path or config.path())}
    environ |= {name: environ.get(name) or value for name, value in (("HOST", "127.0.0.1"), ("PORT", "8000"))}
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    # What is started inherits it, so that no process dies of a signal that comes before it listens.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Processes(Path(settings.redis.data_dir), environ) as processes:
        try:
            if settings.redis.url == "embedded":
                _start_redis(processes, settings.redis.data_dir)
            _start(processes, procfile, environ)
            while True:
                processes.check()
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt as interrupt:
            show("system", f"{interrupt} received")


def _start_redis(processes: Processes, data_dir: str) -> None:
    command = embedded_redis.command(data_dir)
    if embedded_redis.is_served(data_dir):
        raise click.ClickException(f"Redis is already running for {data_dir}. Is another split-dest running?")
    processes.start("redis", command, is_last=True)
    processes.wait_until(lambda: embedded_redis.is_ready(data_dir), "Redis", _READ_SECONDS)


def _start(processes: Processes, procfile: Path | None, environ: dict[str, str]) -> None:
    address = f"{environ['HOST']}:{environ['PORT']}"
    if procfile is None:
        _check_free(environ["HOST"], environ["PORT"])
        processes.start_shown("web", web_command(address))
        processes.start_shown("worker", worker_command())
    else:
        commands = re.findall(r"^([\w-]+):[ \t]*(.+)$", procfile.read_text("utf-8"), re.MULTILINE)
        if not commands:
            raise click.ClickException(f"{procfile} names no process")
        for name, command in commands:
            processes.start_shown(name, command)
    signal.signal(signal.SIGHUP, partial(_hang_up, processes, sys.stdout.isatty()))
    if procfile is None:
        processes.wait_for(f"http://{address}/readyz", math.inf)
        show("system", f"ready at http://{address}")


def _check_free(host: str, port: str) -> None:
    with suppress(OSError, ValueError), socket.create_connection((host.strip("[]"), int(port)), 1):
        raise click.ClickException(f"Port {port} is in use (HOST, PORT)")


def _hang_up(processes: Processes, in_terminal: bool, number: int, _: FrameType | None) -> None:
    """Pass SIGHUP on, so that all read the settings again; end all when a terminal was closed."""
    if in_terminal and not sys.stdout.isatty():
        _stop(number, None)
    processes.pass_on(number)


def _stop(number: int, _: FrameType | None) -> None:
    """End the command; whatever comes meanwhile changes nothing."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)
