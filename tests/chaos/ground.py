"""The ground: a Redis, a stand-in for Split, and the service, in one folder; all of it ends with the block."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from split_dest.errors import StoreUnavailable
from split_dest.inbox import dead_letters, ledger
from split_dest.inbox.ledger import LaneNumbers
from split_dest.inbox.store import Store, connect
from tests.chaos.senders import BAD, IDENTIFY, UNNAMED, Senders, kind
from tests.chaos.sentinels import Sentinels
from tests.support.redis_server import RedisServer
from tests.support.sandbox import Sandbox, free_port, running
from tests.support.service import SETTINGS, Service

#: Small, so that many calls are under way whenever something is broken.
BATCH = 100
_ADDENDS = ("delivered", "duplicate", "pending", "dead")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of what was acknowledged: ``lost`` are the numbers of messages of which nothing is known."""

    acknowledged: int
    lost: list[int]
    doubled: int
    scrapes: int

    def __str__(self) -> str:
        return (
            f"{self.acknowledged:,} acknowledged, lost {len(self.lost)}, doubled {self.doubled}, "
            f"books balanced in {self.scrapes} scrapes"
        )


class Books:
    """Scrapes ``/metrics`` again and again, and notes where the numbers do not balance."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.scrapes = 0
        self.wrong: list[str] = []

    def __enter__(self) -> "Books":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(15)

    def _run(self) -> None:
        with urllib3.PoolManager(retries=False, timeout=5) as http:
            while not self._ends.wait(0.25):
                if self._service.url:
                    self._scrape(http)

    def _scrape(self, http: urllib3.PoolManager) -> None:
        with suppress(urllib3.exceptions.HTTPError):
            answer = http.request("GET", f"{self._service.url}/metrics")
            if answer.status == 200:
                self._check(answer.data.decode())

    def _check(self, text: str) -> None:
        sums: Counter[tuple[str, ...]] = Counter()
        for family in text_string_to_metric_families(text):
            name = family.name.removeprefix("split_dest_")
            sign = {"received": 1, "filtered": -1}.get(name, -1 if name in _ADDENDS else 0)
            for sample in family.samples:
                if sign:
                    sums[sample.labels["destination"], sample.labels["lane"]] += sign * int(sample.value)
        self.scrapes += 1
        self.wrong += [f"{place}: {off}" for place, off in sums.items() if off]


@dataclass(slots=True)
class Ground:
    """What a scenario stands on."""

    redis: RedisServer | Sentinels
    sandbox: Sandbox
    service: Service
    destinations: list[str] = field(default_factory=lambda: ["web"])
    books: Books = field(init=False)

    def __post_init__(self) -> None:
        self.books = Books(self.service)

    def add(self, *names: str) -> None:
        """Add destinations like ``web`` to the settings, for processes that start later."""
        self.service.change("\n  web:", "\n  web: &web")
        text = self.service.file.read_text()
        self.service.file.write_text(text + "".join(f"  {name}: *web\n" for name in names))
        self.destinations += names

    def lanes(self, destination: str = "web") -> dict[str, LaneNumbers]:
        """Return the numbers of a destination's lanes.

        Raises:
            StoreUnavailable: Redis is away.
        """
        read = ledger.read(self.service.store, [destination]).lanes
        return {lane: numbers for (_, lane), numbers in read.items()}

    def _all_lanes(self) -> list[LaneNumbers]:
        return list(ledger.read(self.service.store, self.destinations).lanes.values())

    def settled(self) -> int:
        """Return how many messages workers have finished, over all lanes; -1 while Redis is away.

        Dead letters do not count: the endpoint makes them too, whether anybody works or not.
        """
        try:
            return sum(n.delivered + n.filtered_total for n in self._all_lanes())
        except StoreUnavailable:
            return -1

    def pending(self) -> int:
        """Return how many messages wait; 1 while Redis is away, so that nobody takes it for done."""
        try:
            return sum(n.pending for n in self._all_lanes())
        except StoreUnavailable:
            return 1

    def moves_within(self, seconds: float, since: int) -> float:
        """Wait until more than *since* is settled, or nothing waits; return how long it took, in seconds."""
        return self.service.wait_until(lambda: self.settled() > since or self.pending() == 0, seconds)

    def settle(self, senders: Senders, seconds: float = 120.0) -> None:
        """Wait until all is acknowledged and nothing waits."""
        senders.wait_until_acknowledged(seconds)
        self.service.wait_until(lambda: self.pending() == 0, seconds)

    def verdict(self, senders: Senders, *, forgot: bool = False) -> Verdict:
        """Return what became of all messages; the books must have balanced whenever they were looked at.

        *forgot*: Redis has lost what it counted.
        """
        assert not self.books.wrong, self.books.wrong[:5]
        senders.check_answers()
        keys = {f"u-{number}" for number in senders.acknowledged}
        events = Counter(e["key"] for e in self.sandbox.received("events") if e["key"] in keys)
        written = Counter(i["key"] for i in self.sandbox.received("identities") if i["key"] in keys)
        letters = dead_letters.browse(self.service.store, senders.destination)
        dead = {orjson.loads(letter.text)["messageId"] for letter in letters}
        unnamed = sum(1 for number in senders.acknowledged if kind(number) == UNNAMED)
        filtered = self.lanes(senders.destination)["events"].filtered
        assert forgot or filtered == ({"page_unnamed": unnamed} if unnamed else {})
        lost = [n for n in senders.acknowledged if not _is_known(n, events, written, dead)]
        doubled = sum(events.values()) - len(events) + sum(written.values()) - len(written)
        return Verdict(len(senders.acknowledged), lost, doubled, self.books.scrapes)


def _is_known(number: int, events: Counter[str], written: Counter[str], dead: set[str]) -> bool:
    if f"m-{number}" in dead:
        return True
    what = kind(number)
    if what == UNNAMED:
        return True  # counted all together
    return what != BAD and f"u-{number}" in (written if what == IDENTIFY else events)


@contextmanager
def ground(
    folder: Path,
    *,
    delivery: str = "timeout_seconds: 2",
    redis_options: tuple[str, ...] = (),
    redis: RedisServer | Sentinels | None = None,
) -> Iterator[Ground]:
    """Provide a ground with its Redis and stand-in at work; the scenario starts web and workers."""
    redis = redis or RedisServer(folder / "redis", *redis_options)
    try:
        redis.start()
        with standing_in() as sandbox:
            settings = SETTINGS.format(redis=redis.url, sandbox=sandbox.url)
            service = Service(folder, Store(connect(redis.url, "")), settings)
            service.change("timeout_seconds: 2", f"batch_max_events: {BATCH}, {delivery}")
            on = Ground(redis, sandbox, service)
            try:
                with on.books:
                    yield on
            finally:
                _end(service)
    finally:
        redis.kill()


@contextmanager
def standing_in() -> Iterator[Sandbox]:
    """Provide a separate stand-in for Split."""
    port = free_port()
    with running(port), urllib3.PoolManager(retries=False, timeout=60) as http:
        yield Sandbox(f"http://127.0.0.1:{port}", http)


def _end(service: Service) -> None:
    # Killed, not stopped: a scenario that failed must not wait for what hangs.
    for process in list(service.processes):
        with suppress(ProcessLookupError):
            service.kill(process)
    service.store.client.close()


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until something holds; return how long it took, in seconds."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - started
