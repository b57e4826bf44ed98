"""Writing to Redis is not running code: what somebody plants there is counted and left alone."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from split_dest.inbox import forbidden, wake
from tests.support.service import Service, tracks, worker_pids
from tests.workers import plants


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The file that planted code would make."""
    return tmp_path / "planted"


@pytest.fixture
def door(make_service: Callable[..., Service]) -> Service:
    """A web process; what is planted now, workers find when they start."""
    service = make_service()
    service.start_web()
    return service


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port on which nobody may knock."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


def counted(service: Service) -> dict[str, int]:
    """Gives how many jobs were left alone, by reason."""
    found = service.store.client.hgetall(forbidden.KEY)
    return {reason.decode(): int(number) for reason, number in found.items()}


def goes_on(service: Service, pids: list[int]) -> None:
    """Makes sure that the same worker has run what was planted before, and delivers what comes now."""
    before = service.lane().delivered
    service.post(tracks(1, start=before))
    service.wait_until(lambda: service.lane().delivered == before + 1, 60)
    assert worker_pids(service.processes[-1].pid) == pids
    assert not service.store.client.llen(plants.QUEUE)


def test_no_planted_call_runs_and_each_is_counted(door: Service, target: Path) -> None:
    """Pickles, other functions, huge and cut calls, arguments that are no drain's: none runs."""
    wanted: Counter[str] = Counter()
    pids = worker_pids(door.start_workers(1).pid)
    for number, (reason, data) in enumerate(plants.with_calls(target)):
        wanted[reason] += 1
        plants.plant(door.store.client, f"p-{number}", data)

    door.wait_until(lambda: counted(door) == wanted, 60)

    goes_on(door, pids)
    assert not target.exists()
    assert 0 < door.store.client.ttl("rq:job:p-0") <= wake.KEPT_SECONDS
    assert door.log("worker").count('"event":"job_forbidden"') == wanted.total()


def test_nothing_that_hangs_on_a_job_is_loaded_called_or_fetched(
    door: Service, target: Path, listener: socket.socket
) -> None:
    """Real drains with pickles, callbacks, webhooks, repeats: RQ would act on them; they are left alone."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    pids = worker_pids(door.start_workers(1).pid)
    extras = list(plants.with_extras(target, url))
    for number, fields in enumerate(extras):
        plants.plant(door.store.client, f"p-{number}", plants.drain(f"p-{number}"), **fields)

    door.wait_until(lambda: counted(door) == {"job_extras": len(extras)}, 60)

    goes_on(door, pids)
    assert not target.exists()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_what_is_no_job_at_all_is_passed_over(door: Service) -> None:
    """Ids that are none, ids of nothing, keys of another type, an empty hash, an owner whom nobody knows."""
    client = door.store.client
    pids = worker_pids(door.start_workers(1).pid)
    client.set("rq:job:a-text", "x")
    client.rpush("rq:job:a-list", "x")
    client.hset("rq:job:no-data", "status", "queued")
    client.rpush(
        plants.QUEUE, b"\xff\xfe", "a:b", "", "x" * 10_000, "../../x", "nobody", "a-text", "a-list", "no-data"
    )
    plants.plant(
        client, "elsewhere", plants.drain("elsewhere", owner="elsewhere"), origin="another", timeout="soon"
    )

    wanted = {"job_id_odd": 5, "job_absent": 2, "job_unreadable": 2, "job_unknown_lane": 1}
    door.wait_until(lambda: counted(door) == wanted, 60)

    goes_on(door, pids)
    assert client.llen(f"{plants.QUEUE}:intermediate") == 0


def test_registries_groups_dependents_and_commands_wake_nothing(door: Service, target: Path) -> None:
    """What RQ's maintenance, its end of a job and its pub/sub would look at is not read."""
    client = door.store.client
    plants.around(client, target)
    process = door.start_workers(1)
    pids = worker_pids(process.pid)
    client.sadd("rq:job:real:dependents", "in-deferred", "in-ready")
    plants.plant(client, "real", plants.drain("real"))
    for worker in client.smembers("rq:workers"):
        channel = "rq:pubsub:" + worker.decode().removeprefix("rq:worker:")
        assert client.publish(channel, b'{"command": "shutdown"}') == 0

    door.wait_until(lambda: client.hget("rq:job:real", "status") == b"finished", 60)

    goes_on(door, pids)
    assert not target.exists()
    assert client.hget("rq:job:in-ready", "status") == b"ready_to_enqueue"
    assert client.smembers("rq:job:real:dependents")


def test_the_operator_is_told(door: Service) -> None:
    """The count by reason stands in /metrics and in `split-dest status`, as a table and as JSON."""
    plants.plant(door.store.client, "p", plants.call("os.system", "true"))
    door.start_workers(1)
    door.wait_until(lambda: counted(door) == {"job_function": 1}, 60)

    metrics = door.http.request("GET", f"{door.url}/metrics").data.decode()
    table, told = (door.command("status", *option) for option in ([], ["--json"]))

    assert 'split_dest_forbidden_jobs_total{reason="job_function"} 1.0' in metrics
    assert "forbidden jobs: job_function 1" in table.splitlines()
    assert orjson.loads(told)["forbidden"] == {"job_function": 1}
