"""``split-dest run``."""

import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click
from honcho.environ import parse_procfile
from honcho.manager import Manager

from split_dest import config, embedded_redis
from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.processes import STOP_SECONDS, Processes, terminate_like_interrupt, with_our_programs

_LOOK_SECONDS = 0.1
#: Redis reads a large append-only file at about 100 MB a second.
_READ_SECONDS = 600.0


@click.command(epilog=example("split-dest run --config config/development.yaml"))
@config_file
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("Procfile"),
    show_default=True,
    help="Which processes.",
)
def run(config_path: Path | None, procfile: Path) -> None:
    """Runs all processes of the Procfile on this machine until Ctrl-C, with the embedded Redis if settings say so.

    SIGHUP is passed on to all, which then read the settings again.

    PORT (8000), WEB_CONCURRENCY (1) and WORKER_CONCURRENCY (2) are taken from the environment.
    """
    settings = settings_of(config_path)
    config.check_numbers()
    terminate_like_interrupt()
    # What is started inherits it, so that no process dies of a signal that comes before it listens.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    environ = with_our_programs({**os.environ, "SPLIT_DEST_CONFIG": str(config_path or config.path())})
    with suppress(KeyboardInterrupt), Processes(Path(settings.redis.data_dir), environ) as redis:
        if settings.redis.url == "embedded":
            _start(redis, settings.redis.data_dir)
        manager = _Manager()
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            manager.add_process(name, command, env=environ)
        threading.Thread(target=_watch, args=(redis, manager), daemon=True).start()
        manager.loop()
        redis.check()
        if not manager.told_to_stop:
            raise click.ClickException("a process ended by itself; the lines above say which and why")


def _start(redis: Processes, data_dir: str) -> None:
    command = embedded_redis.command(data_dir)
    if embedded_redis.is_served(data_dir):
        raise click.ClickException(f"a Redis serves {data_dir} already: does split-dest run elsewhere?")
    redis.start("redis", command)
    redis.wait_until(lambda: embedded_redis.is_ready(data_dir), "Redis", _READ_SECONDS)


def _watch(redis: Processes, manager: "_Manager") -> None:
    """Ends the others when Redis has ended: without it nothing is accepted, however long they run."""
    try:
        while True:
            time.sleep(_LOOK_SECONDS)
            redis.check()
    except click.ClickException:
        manager.terminate()


class _Manager(Manager):  # type: ignore[misc]
    """honcho's manager; it knows who asked it to stop, and gives the others the time that a last call takes."""

    def __init__(self) -> None:
        super().__init__()
        self.told_to_stop = False
        self._in_terminal = sys.stdout.isatty()
        self._kill_after = math.inf

    def _start(self) -> None:
        super()._start()
        signal.signal(signal.SIGHUP, self._hang_up)

    def _hang_up(self, number: int, _: FrameType | None) -> None:
        """Passes SIGHUP on, so that all read the settings again; asks all to end when a terminal was closed."""
        if self._in_terminal and not sys.stdout.isatty():
            # What honcho prints would fail, and leave the others behind.
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            self.terminate()
            return
        for process in self._processes.values():
            if "pid" in process and "returncode" not in process:
                with suppress(ProcessLookupError):
                    os.killpg(process["pid"], number)

    def terminate(self) -> None:
        """Asks all to end: upon a signal, or when one has ended by itself."""
        if not self._all_started():
            # honcho does not know their process ids yet.
            later = threading.Timer(_LOOK_SECONDS, self.terminate)
            later.daemon = True
            later.start()
            return
        self.told_to_stop = self.told_to_stop or not self._any_stopped()
        self._kill_after = min(self._kill_after, time.monotonic() + STOP_SECONDS)
        super().terminate()

    def kill(self) -> None:
        """Kills those that have not ended in time; honcho asks for it after five seconds, again and again."""
        if time.monotonic() > self._kill_after:
            super().kill()
