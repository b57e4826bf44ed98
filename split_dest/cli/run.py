"""``split-dest run``."""

import os
from pathlib import Path

import click
from honcho.environ import parse_procfile
from honcho.manager import Manager

from split_dest import config, embedded_redis
from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.processes import Processes, with_our_programs


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

    PORT (8000), WEB_CONCURRENCY (1), WEB_THREADS (8) and WORKER_CONCURRENCY (2) are taken from the environment.
    """
    settings = settings_of(config_path)
    environ = with_our_programs({**os.environ, "SPLIT_DEST_CONFIG": str(config_path or config.path())})
    log_dir = Path(settings.redis.data_dir)
    with Processes(log_dir, environ) as redis:
        if settings.redis.url == "embedded":
            redis.start("redis", embedded_redis.command(settings.redis.data_dir))
        manager = Manager()
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            manager.add_process(name, command, env=environ)
        manager.loop()
        if manager.returncode:
            raise click.ClickException("a process ended by itself; the lines above say which and why")
