"""CPU time and memory of processes that run, and of the machine."""

import ctypes
import os
import time
from collections.abc import Iterable
from pathlib import Path

#: Which of the columns of the first line of /proc/stat.
_STEAL = 7


def used_us(pids: Iterable[int]) -> float:
    """Return the CPU time that processes have used so far, in microseconds."""
    # The ticks of /proc/PID/stat are a hundredth of a second: a twentieth of what some figures take.
    return sum(time.clock_gettime_ns(_clock(pid)) for pid in pids) / 1000


def _clock(pid: int) -> int:
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    assert not error, os.strerror(error)
    return clock.value


def max_bytes(pid: int) -> int:
    """Return the most memory that a process has had so far, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def workers(pid: int) -> list[int]:
    """Return the worker processes that a ``python -m workers`` has started."""
    return [child for child in children(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


class Host:
    """What the host of this machine, if it has one, has taken of its cores since this was made."""

    def __init__(self) -> None:
        self._before = _ticks_of_all()

    def took(self) -> float:
        """Return its share of all cores' time, from 0 to 1."""
        spent = [now - before for now, before in zip(_ticks_of_all(), self._before, strict=True)]
        return spent[_STEAL] / max(sum(spent), 1)


def _ticks_of_all() -> list[int]:
    # What guests took is in what users took (proc(5)).
    return [int(ticks) for ticks in Path("/proc/stat").read_text().splitlines()[0].split()[1 : _STEAL + 2]]
