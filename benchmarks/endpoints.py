"""How fast the endpoints answer, the service's, its limit and the naive one, and what a request costs."""

import statistics
import subprocess
from collections import defaultdict

from benchmarks import cpu, load
from benchmarks.yard import Yard, end

_WARM_SECONDS = 1.0
_ROUNDS = 2
#: The name in the figures, the module, and whether it has gunicorn's own threads.
_COMPARED = (
    ("service", "split_dest.web", False),
    ("bare", "benchmarks.bare", False),
    ("bare_threads", "benchmarks.bare", True),
    ("naive", "benchmarks.naive", True),
    ("empty", "benchmarks.empty", False),
)


class Endpoints:
    """The endpoints, at work: the service's, and those that it is compared with."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._processes, self.urls = dict[str, subprocess.Popen[bytes]](), dict[str, str]()
        for name, app, threaded in _COMPARED:
            self.urls[name], self._processes[name] = yard.start_web(app, threaded=threaded)
        for url in self.urls.values():
            load.post(url, _WARM_SECONDS)

    def measure(self, seconds: float) -> dict[str, float]:
        """Return what each acknowledged in a second, and how long the service took at half of its capacity.

        Args:
            seconds: of load for each figure.
        """
        figures = self._at_most(seconds)
        half = load.post(self.urls["service"], seconds, rate=figures["door_service"] / 2)
        figures["door_half"], figures["door_half_p99_ms"] = half.rate, half.p99_ms
        figures["door_half_late_p99_ms"] = half.late_p99_ms
        # What the machine itself does to a request that stores nothing, at the same rate.
        same_rate = load.post(self.urls["bare"], seconds, rate=figures["door_service"] / 2)
        figures["door_bare_half_p99_ms"] = same_rate.p99_ms
        figures["door_bare_hundreds"] = 100 * load.post(self.urls["bare"], seconds / 2, messages=100).rate
        self._yard.clear()
        pids = cpu.children(self._processes["service"].pid)
        before_us = cpu.used_us(pids)
        hundreds = load.post(self.urls["service"], seconds, messages=100)
        figures["door_hundreds"] = 100 * hundreds.rate
        figures["door_hundreds_us"] = (cpu.used_us(pids) - before_us) / (100 * hundreds.rate * hundreds.seconds)
        figures["door_bare_hundreds"] += 100 * load.post(self.urls["bare"], seconds / 2, messages=100).rate
        figures["door_bare_hundreds"] /= 2
        self._yard.clear()
        return figures

    def stop(self) -> None:
        """End all endpoints."""
        for process in self._processes.values():
            end(process)

    def _at_most(self, seconds: float) -> dict[str, float]:
        """Return each endpoint's requests a second, and the CPU time of its processes for each, in µs."""
        rates, used = defaultdict(list), defaultdict(list)
        # In turns, for the machine is quicker one second than the next.
        for name in [*self.urls, *reversed(self.urls)]:
            self._yard.clear()
            pids = cpu.children(self._processes[name].pid)
            before_us = cpu.used_us(pids)
            posted = load.post(self.urls[name], seconds / _ROUNDS)
            rates[name].append(posted.rate)
            used[name].append((cpu.used_us(pids) - before_us) / (posted.rate * posted.seconds))
        self._yard.clear()
        figures = {f"door_{name}": statistics.mean(found) for name, found in rates.items()}
        return figures | {f"door_{name}_us": statistics.mean(found) for name, found in used.items()}
