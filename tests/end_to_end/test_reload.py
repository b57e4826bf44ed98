"""SIGHUP under load: settings change while the service works; a bad file changes nothing; nobody is refused."""

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import urllib3

from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions
from split_dest.mapping.acceptance import item
from split_dest.mapping.rules import Rules
from tests.support.sandbox import Sandbox
from tests.support.service import SECRET, Service, tracks, worker_pids

SENDERS = 4
#: The tests share their machine; what takes long is not what they are about.
LONG = 60.0
OTHER = """\
  other:
    authorization: ["${TEST_SECRET}"]
    split: {sdk_key: "${TEST_SDK_KEY}"}
    identify: {enabled: false}
    group: {enabled: false}
"""


class Load:
    """Senders that each post message after message over a connection that they keep."""

    def __init__(self, url: str, secret: str) -> None:
        self.secret = secret
        self.answers: Counter[object] = Counter()
        self._url = f"{url}/webhook/web"
        self._numbers = itertools.count()
        self._stop = threading.Event()

    @property
    def keys(self) -> set[str]:
        """The keys of all messages that were posted, once all senders have stopped."""
        return {f"u-{n}" for n in range(self.answers.total())}

    def wait(self, more: int = 50) -> None:
        """Wait until this many more answers have come."""
        ends, wanted = time.monotonic() + LONG, self.answers.total() + more
        while self.answers.total() < wanted:
            assert time.monotonic() < ends, self.answers
            time.sleep(0.02)

    def post(self) -> None:
        """Post until told to stop."""
        http = urllib3.PoolManager(maxsize=1, retries=False, timeout=LONG)
        while not self._stop.wait(0.01):
            headers = {"Authorization": self.secret}
            try:
                body = orjson.dumps(tracks(1, next(self._numbers)))
                answer: object = http.request("POST", self._url, body=body, headers=headers).status
            except urllib3.exceptions.HTTPError as error:
                answer = repr(error)
            self.answers[answer] += 1
        http.clear()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Post until the block ends."""
        threads = [threading.Thread(target=self.post) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def children(process: subprocess.Popen[bytes]) -> set[int]:
    """Return the worker processes of gunicorn's master or of the workers' supervisor."""
    if not is_web(process):
        return set(worker_pids(process.pid))
    return set(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


def is_web(process: subprocess.Popen[bytes]) -> bool:
    """True for gunicorn."""
    return b"gunicorn" in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def told(service: Service, log: str, event: str) -> int:
    """Return how often an event stands in a log."""
    return service.log(log).count(f'"event":"{event}"')


def reload(service: Service, *processes: subprocess.Popen[bytes]) -> None:
    """Send SIGHUP and wait until every worker process has the new settings."""
    for process in processes or service.processes:
        former, lines = children(process), told(service, "web", "settings_read")
        process.send_signal(signal.SIGHUP)
        if is_web(process):
            service.wait_until(lambda was=lines: told(service, "web", "settings_read") == was + 2, LONG)
            assert children(process) == former
        else:
            service.wait_until(lambda was=former, at=process: not children(at) & was, LONG)
            service.wait_until(lambda was=former, at=process: len(children(at)) == len(was), LONG)


def status(service: Service, secret: str = SECRET, path: str = "/webhook/web") -> int:
    """Return how the endpoint answers to an empty batch."""
    return service.post([], path, Authorization=secret).status


def test_a_secret_is_rotated_under_load_and_nobody_is_refused(
    make_service: Callable[..., Service], sandbox: Sandbox, tmp_path: Path
) -> None:
    """By the steps of the operator's page: every request is answered with 200, and all messages arrive."""
    current, following = tmp_path / "current", tmp_path / "following"
    current.write_text("the-old-one\n")
    following.touch()
    files = {"TEST_SECRET_FILE": str(current), "TEST_NEXT_FILE": str(following)}
    service = make_service(TEST_SECRET="", **files)
    service.change('["${TEST_SECRET}"]', '["${TEST_SECRET}", "${TEST_NEXT:-}"]')
    web = service.start_web()
    service.start_workers(1)

    with Load(service.url, "the-old-one").running() as load:
        load.wait()
        following.write_text("the-new-one\n")
        reload(service, web)
        load.secret = "the-new-one"
        load.wait()
        current.write_text("the-new-one\n")
        following.write_text("")
        reload(service)
        load.wait()

    assert load.answers == {200: load.answers.total()}
    assert (status(service, "the-old-one"), status(service, "the-new-one")) == (401, 200)
    service.wait_until(lambda: service.lane().delivered == load.answers.total(), LONG)
    assert {event["key"] for event in sandbox.received("events")} == load.keys


def test_a_bad_file_leaves_the_last_good_settings_even_to_processes_that_start_later(service: Service) -> None:
    """The log tells the problem and no secret; processes that are killed after that come back as they were."""
    web, workers = service.processes
    service.change("${TEST_SDK_KEY}", "${NOWHERE}")

    with Load(service.url, SECRET).running() as load:
        for process, log in ((web, "web"), (workers, "worker")):
            process.send_signal(signal.SIGHUP)
            service.wait_until(lambda name=log: told(service, name, "settings_refused") == 1, LONG)
        load.wait()
    for process in (web, workers):
        killed = children(process)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        service.wait_until(lambda was=killed, at=process: len(children(at) - was) == len(was), LONG)

    assert load.answers == {200: load.answers.total()}
    assert service.post(tracks(5, load.answers.total())).status == 200
    service.wait_until(lambda: service.lane().delivered == load.answers.total() + 5, LONG)
    for log in ("web", "worker"):
        assert "set the variable NOWHERE, or NOWHERE_FILE" in service.log(log)
        assert SECRET not in service.log(log)


def test_a_new_destination_works_without_a_restart(service: Service) -> None:
    """After SIGHUP it is served, workers deliver what comes, and the watch finds what nobody was woken for."""
    assert status(service, path="/webhook/other") == 404
    with service.file.open("a") as file:
        file.write(OTHER)

    reload(service)
    answer = service.post(tracks(3), "/webhook/other").status
    unseen = item(tracks(1, 3)[0], Rules(), None)
    intake.accept(service.store, [unseen], AcceptOptions("other", 1))

    assert answer == 200
    service.wait_until(lambda: service.lane(destination="other").delivered == 4, LONG)
    assert "worker_died" not in service.log("worker")


def test_long_requests_take_turns_in_an_application_that_was_made_again(
    make_service: Callable[..., Service],
) -> None:
    """It is made in its own thread, and what they wait for is made with it."""
    service = make_service()
    web = service.start_web()
    reload(service, web)
    with ThreadPoolExecutor(4) as senders:
        posted = senders.map(lambda n: service.post(tracks(500, 500 * n)).json()["accepted"], range(12))

    assert list(posted) == [500] * 12


def test_what_waits_for_a_removed_destination_is_kept(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Its messages stay in Redis while the settings do not name it, and are delivered once they do again."""
    service = make_service(OTHER)
    service.start_web()
    workers = service.start_workers(1)
    sandbox.faults({"api": "events", "status": 503})
    service.post(tracks(3), "/webhook/other")
    service.wait_until(lambda: service.lane(destination="other").refusals > 0, LONG)

    service.change(OTHER, "")
    reload(service, workers)
    sandbox.faults()
    # Nobody wakes a lane that rests, and no watch looks at this one any more.
    service.wait_until(lambda: service.lane(destination="other").resting_until_ms is None, LONG)
    service.post(tracks(2, 3), "/webhook/other")
    service.wait_until(lambda: told(service, "worker", "unknown_lane") > 0, LONG)
    waiting = service.lane(destination="other")
    service.file.write_text(service.file.read_text() + OTHER)
    reload(service, workers)

    assert (waiting.pending, waiting.delivered) == (5, 0)
    service.wait_until(lambda: service.lane(destination="other").delivered == 5, LONG)


def test_a_key_of_split_is_changed_in_its_file(make_service: Callable[..., Service], tmp_path: Path) -> None:
    """Split refuses the old key: nothing is lost; after SIGHUP, here to the whole group, the new one is used."""
    key = tmp_path / "sdk-key"
    key.write_text("a-revoked-key")
    service = make_service(TEST_SDK_KEY="", TEST_SDK_KEY_FILE=str(key))
    service.start_web()
    workers = service.start_workers(2)
    with Load(service.url, SECRET).running() as load:
        service.wait_until(lambda: service.lane().resting_reason == "key_refused", LONG)
        key.write_text("sandbox-sdk-key")
        former = children(workers)
        os.killpg(workers.pid, signal.SIGHUP)
        service.wait_until(lambda: children(workers) != former, LONG)
        # While those that take over are starting.
        os.killpg(workers.pid, signal.SIGHUP)
        service.wait_until(lambda: not children(workers) & former, LONG)
        service.wait_until(lambda: service.lane().delivered > 0, LONG)

    service.wait_until(lambda: service.lane().delivered == load.answers.total(), LONG)
    assert load.answers == {200: load.answers.total()}
    assert "worker_died" not in service.log("worker")


def test_a_stop_in_the_midst_of_an_exchange_ends_in_time(service: Service) -> None:
    """SIGTERM right after SIGHUP, under load: each process ends within 25 seconds with 0, and nothing is lost."""
    with Load(service.url, SECRET).running() as load:
        load.wait()
        for process in service.processes:
            process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        started = time.monotonic()
        codes = service.stop()
        took = time.monotonic() - started

    assert codes == [0, 0]
    assert took < 25
    acknowledged = load.answers[200]
    numbers = service.lane()
    assert acknowledged <= numbers.received == numbers.delivered + numbers.pending


@pytest.mark.parametrize("change", ["nothing", "the address of Redis"])
def test_reading_settings_again_leaves_no_connections_behind(
    make_service: Callable[..., Service], change: str
) -> None:
    """A web process has as many descriptors after a dozen signals as after two, whatever has changed."""
    service = make_service()
    web = service.start_web()
    (pid,) = children(web)
    counts = []
    for n in range(12):
        if change != "nothing":
            service.file.write_text(
                re.sub(r"redis\.sock[^\"]*", f"redis.sock?health_check_interval={n}", service.file.read_text())
            )
        reload(service, web)
        service.post(tracks(1, n))
        counts.append(len(os.listdir(f"/proc/{pid}/fd")))

    assert max(counts[2:]) <= counts[1] + 1, counts
    assert service.lane().received == 12


def test_another_prefix_takes_a_restart(make_service: Callable[..., Service]) -> None:
    """RQ keeps the one that it was imported with, so all would go on with half of their keys: it is refused."""
    service = make_service()
    web = service.start_web()
    workers = service.start_workers(1)
    service.change("redis: {", "redis: {prefix: other, ")
    for process in (web, workers):
        process.send_signal(signal.SIGHUP)

    service.wait_until(
        lambda: told(service, "web", "settings_refused") + told(service, "worker", "settings_refused") >= 2
    )
    service.post(tracks(3))

    service.wait_until(lambda: service.lane().delivered == 3)
    assert "redis.prefix has changed, which takes a restart" in service.log("web")
    assert list(service.store.client.scan_iter("other:*")) == []
