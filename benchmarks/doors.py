"""How fast the doors answer, the service's beside its limit and beside the naive one."""

from benchmarks import load
from benchmarks.yard import Yard

_WARM_SECONDS = 1.0


class Doors:
    """The three doors, at work."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        yard.service.start_web()
        self.urls = {
            "service": yard.service.url,
            "bare": yard.start_door("bare"),
            "naive": yard.start_door("naive"),
        }
        for url in self.urls.values():
            load.post(url, _WARM_SECONDS)

    def measure(self, seconds: float) -> dict[str, float]:
        """Gives what each acknowledged in a second, and how long the service took at half of its capacity.

        Args:
            seconds: of load for each figure.
        """
        figures = {}
        for name, url in self.urls.items():
            self._yard.clear()
            figures[f"door_{name}"] = load.post(url, seconds).rate
        self._yard.clear()
        figures["door_hundreds"] = 100 * load.post(self.urls["service"], seconds, messages=100).rate
        self._yard.clear()
        half = load.post(self.urls["service"], seconds, rate=figures["door_service"] / 2)
        figures["door_half_rate"], figures["door_half_p99_ms"] = half.rate, half.p99_ms
        self._yard.clear()
        return figures
