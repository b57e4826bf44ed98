"""How fast the doors answer, the service's beside its limit and beside the naive one, and what a request costs."""

from benchmarks import cpu, load
from benchmarks.yard import Yard

_WARM_SECONDS = 1.0


class Doors:
    """The doors, at work: the service's, and those that it is compared with."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._processes = {"service": yard.service.start_web()}
        self.urls = {"service": yard.service.url}
        for name in ("bare", "naive", "empty"):
            self.urls[name], self._processes[name] = yard.start_door(name)
        for url in self.urls.values():
            load.post(url, _WARM_SECONDS)

    def measure(self, seconds: float) -> dict[str, float]:
        """Gives what each acknowledged in a second, and how long the service took at half of its capacity.

        Args:
            seconds: of load for each figure.
        """
        figures = {}
        for name in self.urls:
            figures[f"door_{name}"], figures[f"door_{name}_us"] = self._at_most(name, seconds)
        self._yard.clear()
        half = load.post(self.urls["service"], seconds, rate=figures["door_service"] / 2)
        figures["door_half"], figures["door_half_p99_ms"] = half.rate, half.p99_ms
        self._yard.clear()
        figures["door_hundreds"] = 100 * load.post(self.urls["service"], seconds, messages=100).rate
        self._yard.clear()
        return figures

    def _at_most(self, name: str, seconds: float) -> tuple[float, float]:
        """Gives the requests a second, and the CPU time of the door's processes for each, in µs."""
        self._yard.clear()
        pids = cpu.children(self._processes[name].pid)
        before_us = cpu.used_us(pids)
        rate = load.post(self.urls[name], seconds).rate
        return rate, (cpu.used_us(pids) - before_us) / (rate * seconds)
