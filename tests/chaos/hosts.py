"""Web, two hosts of workers, Redis and Split on separate networks, and the network between them fails."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3

from split_dest.inbox.store import Store, connect
from tests.chaos.ground import BATCH, Ground, until
from tests.chaos.network import Network, lacks, network
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders
from tests.support.redis_server import RedisServer
from tests.support.sandbox import Sandbox, running
from tests.support.service import SETTINGS, Service, worker_pids

_A_SECOND = 60
_WORKERS = 2
_GOES_ON_SECONDS = 12.0
_HEALED_SECONDS = 30.0
_REDIS_PORT, _SPLIT_PORT = 6379, 8100


@contextmanager
def _spread(folder: Path, on: Network) -> Iterator[Ground]:
    """Provide a ground whose Redis and stand-in are hosts; the test itself reaches Redis by its socket."""
    redis = RedisServer(folder / "redis", *_listening(on.address("redis")), within=on.within("redis"))
    split = running(_SPLIT_PORT, host=on.address("split"), within=on.within("split"))
    redis.start()
    try:
        with split, urllib3.PoolManager(retries=False, timeout=60) as http:
            sandbox = Sandbox(f"http://{on.address('split')}:{_SPLIT_PORT}", http)
            settings = SETTINGS.format(redis=f"redis://{on.address('redis')}:{_REDIS_PORT}", sandbox=sandbox.url)
            service = Service(folder, Store(connect(redis.url, "")), settings)
            service.change("timeout_seconds: 2", f"batch_max_events: {BATCH}, timeout_seconds: 2")
            try:
                ground = Ground(redis, sandbox, service)
                with ground.books:
                    yield ground
            finally:
                for process in list(service.processes):
                    service.kill(process)
                service.store.client.close()
    finally:
        redis.kill()


def _listening(address: str) -> tuple[str, ...]:
    return ("--port", str(_REDIS_PORT), "--bind", address, "--protected-mode", "no")


class Outages:
    """The hosts, and what is measured while the network between some of them is cut."""

    def __init__(self, at: Network, on: Ground, senders: Senders) -> None:
        self._at = at
        self._on = on
        on.service.start_web(8000, host=at.address("web"), within=at.within("web"))
        senders.urls.append(on.service.url)
        self._crews = {name: on.service.start_workers(_WORKERS, within=at.within(name)) for name in ("a", "b")}
        self.cuts = 0
        self.doubled_most = 0
        self.pauses_seconds: list[float] = []
        self.healed_after_seconds = 0.0

    def of(self, *pairs: tuple[str, str], seconds: float) -> None:
        """Cut between pairs of hosts, for this long; heal, and wait until every worker host works again.

        Notes the longest time in which messages waited and none was delivered.
        """
        self._on.service.wait_until(lambda: self._on.lanes()["events"].in_flight > 0, 60)
        for pair in pairs:
            self._at.cut(*pair)
        away = {host for pair in pairs for host in pair} & set(self._crews)
        self.pauses_seconds.append(self._watch(seconds))
        for pair in pairs:
            self._at.heal(*pair)
        self.cuts += 1
        self.doubled_most += len(away) * _WORKERS * BATCH
        self.healed_after_seconds = max(self.healed_after_seconds, self._wait_for_all())

    def _watch(self, seconds: float) -> float:
        """Return the longest time within this many seconds in which events waited and none was delivered."""
        ends = time.monotonic() + seconds
        longest, last, since = 0.0, 0, time.monotonic()
        while time.monotonic() < ends:
            events = self._on.lanes()["events"]
            if events.delivered != last or not events.pending:
                last, since = events.delivered, time.monotonic()
            longest = max(longest, time.monotonic() - since)
            time.sleep(0.05)
        return longest

    def _wait_for_all(self) -> float:
        before = {name: self._jobs(name) for name in self._crews}
        return until(
            lambda: all(self._jobs(name) - done for name, done in before.items()),
            _HEALED_SECONDS,
            "every worker host works again",
        )

    def _jobs(self, name: str) -> Counter[str]:
        """Return how many drains each worker of a host has run, of those that live."""
        client = self._on.service.store.client
        with suppress(FileNotFoundError, ProcessLookupError):
            pids = worker_pids(self._crews[name].pid)
            alive = [worker.decode() for worker in client.zrange("sd:workers", 0, -1)]
            mine = [worker for worker in alive if any(f"-{pid}-" in worker for pid in pids)]
            return Counter(
                {each: int(client.hget(f"sd:rq:worker:{each}", "successful_job_count") or 0) for each in mine}
            )
        return Counter()


@scenario(
    "the network of hosts cut in silence and healed: workers from Redis, from Split; all from Redis",
    "lost 0, doubled at most a batch a worker cut off; while one host is cut from Redis, the other goes on within "
    f"{_GOES_ON_SECONDS:.0f} s; all work {_HEALED_SECONDS:.0f} s after the healing; web says 503 meanwhile",
    lacks,
)
def hosts(folder: Path, dose: Dose) -> str:
    """What is sent into a cut is neither taken nor refused, so only clocks tell."""
    times, alone_seconds, seconds = dose.of((1, _GOES_ON_SECONDS + 1, 4.0), (5, 40.0, 40.0))
    with network("split", "redis", "web", "a", "b") as at, _spread(folder, at) as on, Senders([]) as senders:
        on.sandbox.faults({"api": "events", "delayMs": 200})
        outages = Outages(at, on, senders)
        with senders.flow(_A_SECOND):
            for _ in range(times):
                outages.of(("a", "redis"), seconds=alone_seconds)
                outages.of(("b", "split"), seconds=seconds)
                outages.of(("a", "redis"), ("b", "redis"), ("web", "redis"), seconds=seconds)
        on.sandbox.faults()
        on.settle(senders)
        found = on.verdict(senders)
    assert not found.lost, found.lost[:20]
    assert found.doubled <= outages.doubled_most
    by_redis, by_split = (max(outages.pauses_seconds[which::3]) for which in (0, 1))
    assert by_redis < _GOES_ON_SECONDS, outages.pauses_seconds
    assert set(senders.answers) == {200, 503}, senders.answers
    return (
        f"{outages.cuts} cuts of up to {alone_seconds:.0f} s; {found}; longest pause while one host was cut from "
        f"Redis {by_redis:.1f} s, from Split {by_split:.1f} s; all at work {outages.healed_after_seconds:.1f} s "
        f"after the healing at most; the slowest answer took {max(senders.took):.1f} s"
    )
