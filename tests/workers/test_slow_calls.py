"""Drains with slow calls move to the background; those that map stay in the foreground."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from split_dest import logs
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks
from workers.delivery import SLOW_CALL_SECONDS, SlowCallGuard
from workers.drain import run_until_slow


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for drains."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_what_a_drain_raises_in_the_foreground_reaches_its_job(pool: ThreadPoolExecutor) -> None:
    """RQ counts and logs it as the job's failure."""

    def fails(guard: SlowCallGuard) -> None:
        raise KeyError(guard.in_background)

    with pytest.raises(KeyError, match="False"):
        run_until_slow(pool, fails, "job-1")


def test_a_drain_with_a_slow_call_lets_the_worker_go_on(
    pool: ThreadPoolExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    """The job ends before the drain does; an error that the drain raises later is logged under the job's id."""
    answered = threading.Event()

    def waits(guard: SlowCallGuard) -> None:
        with guard.calling():
            answered.wait(60)
        assert guard.in_background
        raise KeyError

    logs.setup()
    run_until_slow(pool, waits, "job-1")
    answered.set()
    pool.shutdown()

    line = json.loads(capfd.readouterr().out)
    fields = {name: line[name] for name in ("event", "job", "error")}
    assert fields == {"event": "job_failed", "job": "job-1", "error": "KeyError"}


def test_a_drain_without_a_slow_call_stays_in_the_foreground(pool: ThreadPoolExecutor) -> None:
    """However long it maps or Redis takes, so that no two drains of one process map at a time."""
    finished = threading.Event()

    def maps(guard: SlowCallGuard) -> None:
        with guard.calling():
            pass
        time.sleep(4 * SLOW_CALL_SECONDS)
        finished.set()

    run_until_slow(pool, maps, "job-1")

    assert finished.is_set()


def test_a_drain_that_maps_during_a_slow_call_stays_in_the_foreground(pool: ThreadPoolExecutor) -> None:
    """It maps the next batch during the call of one; only after that another drain may run in the foreground."""
    results: dict[str, bool] = {}

    def maps(guard: SlowCallGuard) -> None:
        with guard.calling():
            with guard.mapping():
                time.sleep(4 * SLOW_CALL_SECONDS)
                results["in background while it maps"] = guard.in_background
            time.sleep(4 * SLOW_CALL_SECONDS)
            results["in background afterwards"] = guard.in_background
            with guard.mapping() as may_map:
                results["may map in the background"] = may_map

    run_until_slow(pool, maps, "job-1")
    pool.shutdown()

    assert results == {
        "in background while it maps": False,
        "in background afterwards": True,
        "may map in the background": False,
    }


def test_messages_whose_names_are_looked_up_for_long_are_mapped_by_the_next_drain(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """The look-up hangs for a second, then the names are known, and no message comes under suspicion."""
    sandbox.faults({"api": "admin", "delayMs": 1000, "times": 2})
    service = make_service()
    service.start_web()
    service.start_workers(1)

    service.post(tracks(50))
    service.wait_until(lambda: service.lane().delivered == 50, 60)

    assert len(sandbox.received("events")) == 50
    assert sandbox.counts()["calls"]["admin"] == {"200": 2}
    assert "job_failed" not in service.log("worker")
