"""The ledger as Prometheus metrics; it stands in Redis, so any web process answers for all."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from split_dest.inbox.ledger import LaneNumbers, Ledger

_COUNTERS = {
    "received": "Messages that an endpoint took, and dead letters replayed as another lane's.",
    "delivered": "Messages that Split has.",
    "duplicate": "Messages whose id was seen before within the dedupe window.",
}
_GAUGES = {
    "pending": "Messages stored and not settled.",
    "in_flight": "Pending messages that a drain has claimed.",
    "dead": "Dead letters kept.",
    "oldest_seconds": "Age of the oldest pending message.",
    "refusals": "Refusals in a row.",
}
_PLACE = ["destination", "lane"]


class LedgerCollector(Collector):
    """The metrics of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"split_dest_{name}", text, labels=_PLACE)
            for place, numbers in self._ledger.lanes.items():
                counter.add_metric(place, getattr(numbers, name))
            yield counter
        for name, text in _GAUGES.items():
            gauge = GaugeMetricFamily(f"split_dest_{name}", text, labels=_PLACE)
            for place, numbers in self._ledger.lanes.items():
                gauge.add_metric(place, getattr(numbers, name))
            yield gauge
        yield self._by_reason("filtered", "Messages that the settings keep out.")
        yield self._by_reason("noted", "What was repaired or left out of messages that are counted elsewhere.")
        yield self._forbidden()
        yield self._refused()
        yield self._resting()
        yield from self._unlisted()
        text = "Failed attempts to get in, over the limit of their address."
        yield CounterMetricFamily("split_dest_limited", text, value=self._ledger.limited)
        yield GaugeMetricFamily("split_dest_workers", "Workers alive.", value=self._ledger.workers)

    def _by_reason(self, name: str, text: str) -> Metric:
        counter = CounterMetricFamily(f"split_dest_{name}", text, labels=[*_PLACE, "reason"])
        for place, numbers in self._ledger.lanes.items():
            for reason, number in getattr(numbers, name).items():
                counter.add_metric([*place, reason], number)
        return counter

    def _forbidden(self) -> Metric:
        text = "Jobs in Redis that are not ours and were not run."
        counter = CounterMetricFamily("split_dest_forbidden_jobs", text, labels=["reason"])
        for reason, number in self._ledger.forbidden.items():
            counter.add_metric([reason], number)
        return counter

    def _refused(self) -> Metric:
        text = "Requests refused at the endpoint; those for no destination or source of the settings have a dash."
        counter = CounterMetricFamily("split_dest_refused", text, labels=["destination", "code"])
        for place, refused in self._ledger.refused.items():
            counter.add_metric(place, refused.requests)
        return counter

    def _unlisted(self) -> Iterator[Metric]:
        for name, text in (("pending", "Messages stored"), ("dead", "Dead letters kept")):
            text = f"{text} of destinations and sources that the settings do not name."
            gauge = GaugeMetricFamily(f"split_dest_unlisted_{name}", text, labels=["destination"])
            for owner, left in self._ledger.unlisted.items():
                gauge.add_metric([owner], getattr(left, name))
            yield gauge

    def _resting(self) -> Metric:
        text = "Seconds for which the lane is still paused, by reason."
        gauge = GaugeMetricFamily("split_dest_paused_seconds", text, labels=[*_PLACE, "reason"])
        for place, numbers in self._ledger.lanes.items():
            gauge.add_metric([*place, numbers.resting_reason or ""], self._rest_seconds(numbers))
        return gauge

    def _rest_seconds(self, numbers: LaneNumbers) -> float:
        until_ms = numbers.resting_until_ms
        return 0.0 if until_ms is None else (until_ms - self._ledger.taken_ms) / 1000
