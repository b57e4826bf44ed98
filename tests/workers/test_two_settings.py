"""Workers with different settings on one Redis: each leaves what it does not know to those who do."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest

from split_dest.inbox.store import Store, name_rq
from tests.end_to_end.test_impressions import SOURCE
from tests.support.sandbox import Sandbox, free_port, running
from tests.support.service import Service, tracks, worker_pids

#: The tests share their machine; alone it takes a few milliseconds.
SOON = 1.5


@pytest.fixture
def both(make_service: Callable[..., Service]) -> Service:
    """Two workers that know web, two that know new as well, and a web process that knows both."""
    service = make_service()
    service.start_workers(2)
    service.change("destinations:\n  web:", "destinations:\n  web: &web")
    service.file.write_text(service.file.read_text() + "  new: *web\n")
    service.start_workers(2)
    service.start_web()
    return service


def delays(service: Service, name: str, count: int, start: int = 0) -> list[float]:
    """Return how many seconds each of several messages takes, posted one after the other."""
    taken = []
    for n in range(start, start + count):
        service.post(tracks(1, n), f"/webhook/{name}")
        taken.append(service.wait_until(lambda n=n: service.lane(destination=name).delivered == n + 1))
    return taken


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    """Freeze the worker processes that know both, while their supervisor goes on waking lanes."""
    pids = worker_pids(service.processes[1].pid)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def commands(service: Service) -> int:
    """Return how many commands Redis has run."""
    return int(service.store.client.info("stats")["total_commands_processed"])


def test_messages_are_delivered_at_once_by_whoever_knows_their_destination(both: Service) -> None:
    """None waits for the watch, which wakes lanes once a second, though every other job meets the wrong worker."""
    of_new, of_web = delays(both, "new", 30), delays(both, "web", 30)

    assert sorted(of_new)[15] < 0.3
    assert max(of_new) < SOON
    assert max(of_web) < SOON
    assert both.lane(destination="new").dead == both.lane().dead == 0


def test_nobody_spins_while_those_who_know_a_destination_are_busy(both: Service) -> None:
    """Its jobs wait, at some ten looks a second; what the others know is delivered meanwhile."""
    with frozen(both):
        # Frozen in the middle of waiting for a job, they may be handed two.
        both.post(tracks(3000), "/webhook/new")
        both.wait_until(lambda: "unknown_lane" in both.log("worker"))
        before = commands(both)
        time.sleep(1)
        a_second = commands(both) - before
        of_web = delays(both, "web", 10)

    assert max(of_web) < SOON
    assert a_second < 800
    both.wait_until(lambda: both.lane(destination="new").delivered == 3000, 60)


def test_a_destination_is_added_while_old_and_new_workers_run(make_service: Callable[..., Service]) -> None:
    """The rolling update of a deployment: messages of the new one do not wait for its end, and none is lost."""
    service = make_service()
    service.start_web()
    old = service.start_workers(2)
    before = delays(service, "web", 5)
    service.change("destinations:\n  web:", "destinations:\n  web: &web")
    service.file.write_text(service.file.read_text() + "  new: *web\n")
    service.processes[0].send_signal(signal.SIGHUP)
    service.wait_until(lambda: service.post([], "/webhook/new").status != 404)
    # Web is newer than all workers: what comes meanwhile waits for the first that knows it.
    service.post(tracks(1), "/webhook/new")
    service.wait_until(lambda: "unknown_lane" in service.log("worker"))

    service.start_workers(2)
    service.wait_until(lambda: service.lane(destination="new").delivered == 1, 10)
    during = delays(service, "new", 10, 1) + delays(service, "web", 10, 5)
    service.stop(old)
    after = delays(service, "new", 5, 11)

    assert max(*before, *during, *after) < SOON
    assert service.lane(destination="new").received == 16


def warned(service: Service, name: str) -> list[dict[str, str]]:
    """Return how settings differ, as a process has logged it."""
    lines = [orjson.loads(line) for line in service.log(name).splitlines()]
    kinds = ("only_here", "only_there", "leads_elsewhere")
    return [{k: line[k] for k in kinds if k in line} for line in lines if line["event"] == "deployment_differs"]


def test_processes_say_how_the_settings_of_others_differ(both: Service) -> None:
    """Each supervisor says it once, and so does a web process that starts meanwhile; names, and no keys."""
    both.wait_until(lambda: len(warned(both, "worker")) == 2)
    both.wait_until(lambda: len(warned(both, "web")) == 1)

    assert sorted(map(str, warned(both, "worker"))) == ["{'only_here': 'new'}", "{'only_there': 'new'}"]
    assert warned(both, "web") == [{"only_here": "new"}]
    assert "workers with other settings are alive at redis.prefix sd: they do not know new" in both.command(
        "status"
    )
    assert orjson.loads(both.command("status", "--json"))["other_settings"] == [{"only_here": "new"}]
    assert "warning: workers with other settings are alive at redis.prefix sd" in both.command("check", "--live")


def test_the_same_name_with_another_key_is_told(make_service: Callable[..., Service]) -> None:
    """A second environment whose destination has the same name; Redis holds neither key."""
    service = make_service()
    service.start_workers(1)
    service.start_workers(1, TEST_SDK_KEY="a-key-of-another-environment")

    service.wait_until(lambda: len(warned(service, "worker")) == 2)

    assert warned(service, "worker") == [{"leads_elsewhere": "web"}] * 2
    held = b"".join(service.store.client.hvals("sd:settings"))
    assert b"sdk-key" not in held
    assert b"another" not in held


def test_nothing_is_said_once_the_former_workers_are_gone(make_service: Callable[..., Service]) -> None:
    """A deployment that has ended leaves no warning behind."""
    service = make_service()
    former = service.start_workers(1)
    service.change("destinations:\n  web:", "destinations:\n  web: &web")
    service.file.write_text(service.file.read_text() + "  new: *web\n")
    service.start_workers(1)
    service.stop(former)

    def quiet() -> bool:
        return "other settings" not in service.command("status")

    service.wait_until(quiet, 15)
    said = len(warned(service, "worker"))
    service.start_web()
    service.post(tracks(1), "/webhook/new")
    service.wait_until(lambda: service.lane(destination="new").delivered == 1)

    assert warned(service, "web") == []
    assert len(warned(service, "worker")) == said
    assert "warning" not in service.command("check", "--live")


def test_a_destination_that_became_a_source_is_left_to_those_who_have_it_as_before(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Workers of the new settings run no drain of its former lanes and wake none; nothing fails or is lost."""
    service = make_service()
    service.start_web()
    service.post([*tracks(3), {"type": "identify", "userId": "u", "traits": {"plan": "gold"}}])
    former = service.file.read_text()
    named = former.replace("  web:", "  other:") + SOURCE.format(sandbox=sandbox.url).replace("flags:", "web:")
    service.file.write_text(named)
    service.start_workers(1)
    service.wait_until(lambda: "unknown_lane" in service.log("worker"))
    service.wait_until(lambda: not service.store.client.keys("sd:web:*:drain:?"))
    assert "web is not in the settings as what it was: 4 waiting, 0 dead" in service.command("status")

    service.file.write_text(former)
    service.start_workers(1)
    service.wait_until(lambda: service.lane().delivered == 3 and service.lane("identities").delivered == 1)

    assert "job_failed" not in service.log("worker")


def test_an_emptied_redis_makes_no_other_settings_of_the_same(make_service: Callable[..., Service]) -> None:
    """As after a failover to a server without data: all agree on an id again, whoever makes it."""
    service = make_service()
    former = service.start_workers(1)
    service.start_workers(1)
    service.wait_until(lambda: service.store.client.exists("sd:settings") == 1)
    service.store.client.flushall()
    service.wait_until(lambda: service.store.client.exists("sd:settings") == 1)
    assert "other settings" not in service.command("status")

    with service.store.client.pipeline() as pipeline:
        pipeline.flushall().set("sd:deployment", "of who was first")
        pipeline.execute()
    service.stop(former)
    service.start_workers(1)
    service.wait_until(lambda: "other settings" not in service.command("status"))
    assert warned(service, "worker") == []


@pytest.fixture
def elsewhere(make_service: Callable[..., Service], sandbox: Sandbox) -> Iterator[tuple[Service, Sandbox]]:
    """A deployment with another prefix and another Split, on the same Redis."""
    here = make_service()
    folder = here.folder / "other"
    folder.mkdir()
    with running(port := free_port()):
        other = Sandbox(f"http://127.0.0.1:{port}", sandbox.http)
        text = here.file.read_text().replace(sandbox.url, other.url)
        text = text.replace("redis: {", "redis: {prefix: other, ")
        service = Service(folder, Store(here.store.client, "other"), text)
        # RQ in this process is for the other tests.
        name_rq("sd")
        yield service, other
        service.stop()


def test_two_deployments_with_a_prefix_each_share_nothing(
    make_service: Callable[..., Service], sandbox: Sandbox, elsewhere: tuple[Service, Sandbox]
) -> None:
    """One Redis, the same name of a destination: each delivers its own messages, and every key is somebody's."""
    here, (there, other) = make_service(), elsewhere
    for service in (here, there):
        service.start_web()
        service.start_workers(2)
    here.post(tracks(20))
    there.post(tracks(30))
    here.wait_until(lambda: here.lane().delivered == 20, 60)
    there.wait_until(lambda: there.lane().delivered == 30, 60)

    assert (len(sandbox.received("events")), len(other.received("events"))) == (20, 30)
    assert "workers alive: 2" in here.command("status")
    assert "workers alive: 2" in there.command("status")
    assert warned(here, "worker") == warned(there, "worker") == []
    assert {key.partition(b":")[0] for key in here.store.client.scan_iter()} == {b"sd", b"other"}
    assert here.store.client.type("other:rq:workers") == b"set"
