"""Writing to Redis is not running code: planted jobs are counted and not run."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from split_dest.inbox import wake
from tests.support.service import Service, tracks, worker_pids
from tests.workers import plants


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The file that planted code would create."""
    return tmp_path / "planted"


@pytest.fixture(scope="module")
def started_web(make_lasting_service: Callable[..., Service]) -> Service:
    """A web process."""
    service = make_lasting_service()
    service.start_web()
    return service


@pytest.fixture
def web(started_web: Service) -> Iterator[Service]:
    """The same process with nothing received; workers, which the test starts, find what is planted."""
    started_web.forget()
    yield started_web
    started_web.stop(*started_web.processes[1:])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port to which nothing may connect."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


def counted(service: Service) -> dict[str, int]:
    """Return how many jobs were refused, by reason."""
    counts = service.store.client.hgetall("sd:forbidden")
    return {reason.decode(): int(number) for reason, number in counts.items()}


def goes_on(service: Service, pids: list[int]) -> None:
    """Check that the same worker has gone through what was planted, and delivers a new message."""
    before = service.lane().delivered
    service.post(tracks(1, start=before))
    service.wait_until(lambda: service.lane().delivered == before + 1, 60)
    assert worker_pids(service.processes[-1].pid) == pids
    assert not service.store.client.llen(plants.QUEUE)


def test_no_planted_call_runs_and_each_is_counted(web: Service, target: Path) -> None:
    """Pickles, other functions, huge and cut calls, arguments that are no drain's: none runs."""
    expected: Counter[str] = Counter()
    pids = worker_pids(web.start_workers(1).pid)
    for number, (reason, data) in enumerate(plants.with_calls(target)):
        expected[reason] += 1
        plants.plant(web.store.client, f"p-{number}", data)

    web.wait_until(lambda: counted(web) == expected, 60)

    goes_on(web, pids)
    assert not target.exists()
    assert 0 < web.store.client.ttl("sd:rq:job:p-0") <= wake.KEPT_SECONDS
    assert web.log("worker").count('"event":"job_forbidden"') == expected.total()


def test_nothing_that_hangs_on_a_job_is_loaded_called_or_fetched(
    web: Service, target: Path, listener: socket.socket
) -> None:
    """Real drains with pickles, callbacks, webhooks, repeats: RQ would act on them; they are refused."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    pids = worker_pids(web.start_workers(1).pid)
    extras = list(plants.with_extras(target, url))
    for number, fields in enumerate(extras):
        plants.plant(web.store.client, f"p-{number}", plants.drain(f"p-{number}"), **fields)

    web.wait_until(lambda: counted(web) == {"job_extras": len(extras)}, 60)

    goes_on(web, pids)
    assert not target.exists()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_values_that_are_no_job_are_refused(web: Service) -> None:
    """Odd ids, ids without a job, keys of another type, an empty hash, an unknown owner."""
    client = web.store.client
    pids = worker_pids(web.start_workers(1).pid)
    client.set("sd:rq:job:a-text", "x")
    client.rpush("sd:rq:job:a-list", "x")
    client.hset("sd:rq:job:no-data", "status", "queued")
    client.rpush(
        plants.QUEUE, b"\xff\xfe", "a:b", "", "x" * 10_000, "../../x", "nobody", "a-text", "a-list", "no-data"
    )
    plants.plant(
        client, "elsewhere", plants.drain("elsewhere", owner="elsewhere"), origin="another", timeout="soon"
    )

    expected = {"job_id_odd": 5, "job_unreadable": 2}
    web.wait_until(lambda: counted(web) == expected, 60)

    goes_on(web, pids)
    assert client.llen(f"{plants.QUEUE}:intermediate") == 0


def test_a_job_that_expired_while_no_worker_came_is_no_trouble(web: Service) -> None:
    """Its message is delivered as soon as the watch has woken its lane; nobody else wrote to Redis."""
    client = web.store.client
    web.post(tracks(1))
    assert client.delete(*client.keys("sd:rq:job:*")) == 1
    web.start_workers(1)

    web.wait_until(lambda: web.lane().delivered == 1)

    assert counted(web) == {}
    assert "job_forbidden" not in web.log("worker")
    assert client.llen(f"{plants.QUEUE}:intermediate") == 0


def test_registries_groups_dependents_and_commands_wake_nothing(web: Service, target: Path) -> None:
    """RQ's maintenance, its end of a job and its pub/sub would act on them; none is read."""
    client = web.store.client
    plants.around(client, target)
    process = web.start_workers(1)
    pids = worker_pids(process.pid)
    client.sadd("sd:rq:job:real:dependents", "in-deferred", "in-ready")
    plants.plant(client, "real", plants.drain("real"))
    for worker in client.smembers("sd:rq:workers"):
        channel = "sd:rq:pubsub:" + worker.decode().removeprefix("sd:rq:worker:")
        assert client.publish(channel, b'{"command": "shutdown"}') == 0

    web.wait_until(lambda: client.hget("sd:rq:job:real", "status") == b"finished", 60)

    goes_on(web, pids)
    assert not target.exists()
    assert client.hget("sd:rq:job:in-ready", "status") == b"ready_to_enqueue"
    assert client.smembers("sd:rq:job:real:dependents")


def test_metrics_and_status_show_the_counts(web: Service) -> None:
    """The count by reason is in /metrics and in `split-dest status`, as a table and as JSON."""
    plants.plant(web.store.client, "p", plants.call("os.system", "true"))
    web.start_workers(1)
    web.wait_until(lambda: counted(web) == {"job_function": 1}, 60)

    metrics = web.http.request("GET", f"{web.url}/metrics").data.decode()
    table, json = (web.command("status", *option) for option in ([], ["--json"]))

    assert 'split_dest_forbidden_jobs_total{reason="job_function"} 1.0' in metrics
    assert "forbidden jobs: job_function 1" in table.splitlines()
    assert orjson.loads(json)["forbidden"] == {"job_function": 1}
