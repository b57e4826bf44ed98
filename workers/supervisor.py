"""``python -m workers``: start worker processes, restart those that die, and wake lanes that nobody drains.

``WORKER_CONCURRENCY`` is their number (default 2). On SIGHUP the supervisor reads the settings again and replaces
the worker processes one after the other.
"""

import signal
import sys

from split_dest import config, logs
from split_dest.errors import SettingsError
from split_dest.reloadable_settings import ReloadableSettings
from split_dest.terminal import escaped
from workers.worker_pool import WorkerPool


def main() -> int:
    """Run until a signal stops it; return the exit code."""
    logs.setup()
    try:
        code = _run()
    except SettingsError as error:
        print(escaped(str(error), keep="\n"), file=sys.stderr)
        return 2
    # Python removes its handlers while it exits, and a second signal would then change the exit code.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return code


def _run() -> int:
    pool = WorkerPool(config.number("WORKER_CONCURRENCY"))
    signal.signal(signal.SIGTERM, pool.request_stop)
    signal.signal(signal.SIGINT, pool.request_stop)
    signal.signal(signal.SIGHUP, pool.request_reload)
    reloadable = ReloadableSettings(config.load())
    try:
        pool.fill(reloadable.settings)
        _supervise(pool, reloadable)
    except Exception as error:  # noqa: BLE001 - whatever it is, workers that nobody looks after must not stay
        logs.error("internal_error", cause=error)
        return 1
    finally:
        pool.end()
    return 0


def _supervise(pool: WorkerPool, reloadable: ReloadableSettings) -> None:
    pool.wait()
    # Imports Redis's client and RQ, so only once the workers have started: where cores are scarce, a worker that
    # shares them with this import starts a quarter later (1.8 s instead of 1.4, on two busy cores).
    from workers.watchdog import watchdog_for

    watchdog = watchdog_for(reloadable.settings)
    while not pool.stop_requested:
        if pool.reload_requested:
            pool.reload_requested = False
            if reloadable.read_again():
                watchdog = watchdog_for(reloadable.settings)
                logs.info("settings_read")
        pool.fill(reloadable.settings)
        pool.replace_outdated(reloadable.settings)
        watchdog.look()
        pool.wait()
