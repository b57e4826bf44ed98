"""Faults of the mapping, planted in worker processes from outside: the product has no endpoint for them.

A ``sitecustomize`` on the workers' ``PYTHONPATH`` calls ``plant`` before anything else is imported.
"""

import ctypes
import os
import re
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAUSE = "Slow to map"
_MB = 2**20
_ROOT = Path(__file__).parents[2]


def crash() -> None:
    """Read where no memory is: the process ends with SIGSEGV."""
    ctypes.string_at(0)


def loop() -> None:
    """Never ends, in Python."""
    while True:
        pass


def backtrack() -> None:
    """Never ends, in C, and never gives Python's lock back."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def exhaust() -> None:
    """Take memory until the system gives no more: MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 150 * _MB
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        bytearray(1000 * _MB)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def bloat() -> None:
    """Take memory until the process is killed for it, as the kernel does; here it does so itself."""
    taken = bytearray(os.urandom(_MB)) * 100
    os.kill(os.getpid(), signal.SIGKILL)
    del taken


def pause() -> None:
    """Take half a second, and do no harm."""
    time.sleep(0.5)


#: What each try writes to stderr.
TRIED = "tried to {}\n"
FAULTS: dict[str, Callable[[], None]] = {
    f"Poison {fault.__name__}": fault for fault in (crash, loop, backtrack, exhaust, bloat)
}


def sown(folder: Path) -> dict[str, str]:
    """Return the environment of processes that have the faults, by files in a new folder of the one given."""
    planted = folder / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text("from tests.support.planted import plant\n\nplant()\n")
    return {"PYTHONPATH": f"{planted}{os.pathsep}{_ROOT}"}


def plant() -> None:
    """Let the mapping of events with certain names go wrong."""
    from split_dest import mapping

    healthy = mapping.to_split

    def to_split(message: Any, *args: Any) -> Any:
        fault = {**FAULTS, PAUSE: pause}.get(str(message.fields.get("event")))
        if fault is not None:
            os.write(2, TRIED.format(fault.__name__).encode())
            fault()
        return healthy(message, *args)

    mapping.to_split = to_split
