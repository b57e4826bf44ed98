"""Worker processes: what they run, what they survive, how they end."""

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from split_dest.inbox import dead_letters, wake
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks, worker_pids


@pytest.fixture(scope="module")
def at_work(make_lasting_service: Callable[..., Service]) -> Service:
    """A web process and one worker."""
    service = make_lasting_service()
    service.start_web()
    service.start_workers(1)
    return service


@pytest.fixture
def workers(at_work: Service, sandbox: Sandbox) -> Service:
    """The same processes with nothing received."""
    del sandbox
    at_work.forget()
    return at_work


def test_the_job_that_is_enqueued_exists() -> None:
    """It is enqueued by name, because web processes don't import the workers."""
    module, _, name = wake.DRAIN.rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


def test_a_lost_job_costs_seconds(make_service: Callable[..., Service]) -> None:
    """When all of RQ's keys are deleted, the watchdog finds the messages."""
    service = make_service()
    service.start_web()
    service.post(tracks(5))
    for key in service.store.client.keys("sd:rq:*"):
        service.store.client.delete(key)
    service.store.client.delete("sd:web:events:drain:0")

    service.start_workers(1)
    took = service.wait_until(lambda: service.lane().delivered == 5)

    assert took < 5


def test_a_worker_that_dies_is_started_again(workers: Service) -> None:
    """After kill -9 of a worker process, its supervisor starts another one within seconds."""
    (pid,) = worker_pids(workers.processes[-1].pid)

    os.kill(pid, signal.SIGKILL)
    workers.post(tracks(3))

    workers.wait_until(lambda: workers.lane().delivered == 3, 30)
    assert '"event":"worker_died"' in workers.log("worker")


def test_workers_end_with_their_supervisor(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """When the supervisor alone is killed, its worker finishes its call, which is not sent again, and ends."""
    sandbox.faults({"api": "events", "delayMs": 6000, "times": 1})
    service = make_service()
    service.change("timeout_seconds: 2", "timeout_seconds: 30")
    service.start_web()
    supervisor = service.start_workers(1)
    service.post(tracks(3))
    service.wait_until(lambda: service.lane().in_flight == 3)
    (pid,) = worker_pids(supervisor.pid)

    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait(10)
    service.processes.remove(supervisor)
    service.start_workers(1)

    service.wait_until(lambda: not Path(f"/proc/{pid}").exists(), 40)
    service.wait_until(lambda: service.lane().delivered == 3, 40)
    assert len(sandbox.received("events")) == 3


def test_lanes_take_turns(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """With one worker and a backlog of events, identities that come later do not wait for all of it."""
    sandbox.faults({"api": "events", "delayMs": 1000})
    service = make_service()
    service.change("delivery: {", "delivery: {batch_max_events: 10, ")
    service.start_web()
    service.start_workers(1)
    service.post(tracks(200))
    service.wait_until(lambda: service.lane().in_flight > 0)

    service.post({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}})
    service.wait_until(lambda: service.lane("identities").delivered == 1, 30)

    assert service.lane().pending > 0


def test_an_unknown_environment_pauses_the_lane(make_service: Callable[..., Service]) -> None:
    """A wrong environment name costs no message, and the detail names it."""
    service = make_service()
    service.change("environment: Production", "environment: Prod")
    service.start_web()
    service.start_workers(1)

    service.post({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}})
    service.wait_until(lambda: service.lane("identities").resting_reason == "environment_unknown")

    assert service.lane("identities").pending == 1
    assert service.lane("identities").resting_detail == "environment Prod"


def test_an_identity_of_an_unknown_traffic_type_becomes_a_dead_letter(
    make_service: Callable[..., Service],
) -> None:
    """It becomes a dead letter with that reason; the other identities arrive."""
    service = make_service("    map_identities: {userId: person, anonymousId: anonymous}\n")
    service.start_web()
    service.start_workers(1)

    service.post(
        [
            {"type": "identify", "userId": "u", "traits": {"a": 1}},
            {"type": "identify", "anonymousId": "a", "traits": {"a": 1}},
        ]
    )
    service.wait_until(lambda: service.lane("identities").pending == 0)

    assert service.lane("identities").delivered == 1
    assert service.lane("identities").dead == 1
    (letter,) = dead_letters.browse(service.store, "web")
    assert letter.reason == "traffic_type_unknown"


def test_pairs_of_types_that_split_lacks_are_left_out(workers: Service, sandbox: Sandbox) -> None:
    """Without traffic_types in the settings, Split is asked which names exist."""
    pairs = {"properties": {"split": [{"account": "acc-1"}, {"spaceship": "x"}]}}

    workers.post(tracks(1, event="Tried!", **pairs))
    workers.wait_until(lambda: workers.lane().delivered == 1)

    assert {event["trafficTypeName"] for event in sandbox.received("events")} == {"user", "account"}
    assert sandbox.counts()["calls"]["admin"] == {"200": 2}
    assert workers.lane().noted == {"event_type_id_sanitized": 1, "traffic_type_skipped": 1}
    metrics = workers.http.request("GET", f"{workers.url}/metrics").data.decode()
    assert 'noted_total{destination="web",lane="events",reason="traffic_type_skipped"} 1.0' in metrics


def test_settings_that_cannot_be_used_end_with_a_clear_text(make_service: Callable[..., Service]) -> None:
    """`python -m workers` exits with 2 and names the place."""
    service = make_service()
    service.file.write_text("destinationz: {}\n")
    process = service._start("worker", ["python", "-m", "workers"])

    code = process.wait(20)
    service.processes.remove(process)

    assert code == 2
    assert "settings.yaml:1:1: unknown key" in service.log("worker")


def test_logs_hold_no_word_of_a_message(workers: Service, sandbox: Sandbox) -> None:
    """A canary in ids, traits, properties and names, of good and bad messages, is in no log line."""
    canary = "canary@example.com"
    sandbox.faults({"api": "events", "status": 400, "times": 1}, {"api": "identities", "status": 400, "times": 1})
    workers.post([tracks(1)[0] | {"userId": canary, "properties": {canary: canary}, "event": canary}])
    workers.post({"type": "identify", "userId": canary, "traits": {"email": canary}})
    workers.post(orjson.dumps({"type": "track", "userId": True, "event": canary}))
    workers.post(b'{"broken": "' + canary.encode())
    workers.store.client.xadd("sd:web:events:stream", {"m": canary.encode(), "t": 1})

    workers.wait_until(lambda: workers.lane().dead == 3 and workers.lane("identities").dead == 1, 40)

    assert canary not in workers.log("worker") + workers.log("web")
    rq_keys = [workers.store.client.hgetall(key) for key in workers.store.client.keys("sd:rq:job:*")]
    assert canary.encode() not in b"".join(value for job in rq_keys for value in job.values())


def test_names_are_not_asked_again_while_split_asks_to_wait(workers: Service, sandbox: Sandbox) -> None:
    """A rate limit of the Admin API delays no event, and the events lane obeys it as well."""
    headers = {"X-RateLimit-Reset-Seconds-Org": "60", "X-RateLimit-Reset-Seconds-IP": "1"}
    sandbox.faults({"api": "admin", "status": 429, "headers": headers})
    for n in range(5):
        workers.post(tracks(1, n))
        workers.wait_until(lambda n=n: workers.lane().delivered == n + 1)

    assert sandbox.counts()["calls"]["admin"] == {"429": 1}


def test_one_bad_key_does_not_delay_the_others(workers: Service, sandbox: Sandbox) -> None:
    """Split answers 503 for one identity: the others of its batch are written, and the back-off grows."""
    sandbox.faults({"api": "identities", "status": 503, "containing": "u-13"})
    people = [
        {"type": "identify", "userId": f"u-{n}", "messageId": f"i-{n}", "traits": {"n": n}} for n in range(40)
    ]
    workers.post(people)

    workers.wait_until(lambda: workers.lane("identities").delivered == 39)
    workers.wait_until(lambda: workers.lane("identities").refusals >= 2, 30)

    assert workers.lane("identities").pending == 1


def test_messages_of_a_destination_that_only_web_knows_wait(make_service: Callable[..., Service]) -> None:
    """In a rolling deployment workers with the old settings leave the new messages to those with the new ones."""
    service = make_service()
    service.start_workers(1)
    service.change("destinations:\n  web:", "destinations:\n  web: &web")
    service.file.write_text(service.file.read_text() + "  new: *web\n")
    service.start_web()
    service.post(tracks(8), "/webhook/new")
    service.wait_until(lambda: service.log("worker").count("unknown_lane") >= 1)
    service.post(tracks(8, start=8), "/webhook/new")
    service.wait_until(lambda: service.log("worker").count("unknown_lane") >= 2)

    service.start_workers(1)
    service.wait_until(lambda: service.lane(destination="new").delivered == 16, 60)

    assert service.lane(destination="new").dead == 0
