"""``python -m workers``: starts worker processes, restarts those that die, and keeps the watch.

``WORKER_CONCURRENCY`` says how many (2 if absent). On SIGHUP it reads the settings again, and exchanges the worker
processes one after the other.
"""

import signal
import sys

from split_dest import config, logs
from split_dest.errors import SettingsError
from split_dest.last_good import LastGood
from workers.crew import Crew


def main() -> int:
    """Run until told to stop; return the exit code."""
    logs.setup()
    try:
        _run()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    # While Python winds up, its handlers are gone, and a second signal would spoil the exit code.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return 0


def _run() -> None:
    crew = Crew(config.number("WORKER_CONCURRENCY"))
    signal.signal(signal.SIGTERM, crew.stop)
    signal.signal(signal.SIGINT, crew.stop)
    signal.signal(signal.SIGHUP, crew.read_again)
    last_good = LastGood(config.load())
    crew.fill_up(last_good.settings)
    _supervise(crew, last_good)
    crew.end()


def _supervise(crew: Crew, last_good: LastGood) -> None:
    crew.pause()
    # Redis's client and RQ, imported when the workers have started: where cores are scarce a worker that has to
    # share them with this is a quarter slower at work (1.8 s and not 1.4, on two busy cores).
    from workers.lookout import watch_of

    watch = watch_of(last_good.settings)
    while not crew.stopping:
        if crew.told_to_read:
            crew.told_to_read = False
            if last_good.read_again():
                watch = watch_of(last_good.settings)
                logs.info("settings_read")
        crew.fill_up(last_good.settings)
        crew.exchange(last_good.settings)
        watch.look()
        crew.pause()
