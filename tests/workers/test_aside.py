"""Drains that wait step aside; those that map stay in front."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from split_dest import logs
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks
from workers import aside
from workers.aside import Stand


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for drains."""
    with ThreadPoolExecutor(4) as made:
        yield made


def test_what_a_drain_raises_in_front_reaches_its_job(pool: ThreadPoolExecutor) -> None:
    """RQ counts and logs it as the job's failure."""

    def fails(stand: Stand) -> None:
        raise KeyError(stand.aside)

    with pytest.raises(KeyError, match="False"):
        aside.run(pool, fails, "job-1")


def test_a_drain_that_waits_long_lets_the_worker_go_on(
    pool: ThreadPoolExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    """The job ends before the drain does, and what the drain raises later is logged under the job's id."""
    answered = threading.Event()

    def waits(stand: Stand) -> None:
        with stand.waiting():
            answered.wait(60)
        assert stand.aside
        raise KeyError

    logs.setup()
    aside.run(pool, waits, "job-1")
    answered.set()
    pool.shutdown()

    line = json.loads(capfd.readouterr().out)
    assert (line["event"], line["job"], line["error"]) == ("job_failed", "job-1", "KeyError")


def test_a_drain_that_waits_for_no_call_stays_in_front(pool: ThreadPoolExecutor) -> None:
    """However long it maps, so that two drains of one process never do so at a time, or Redis takes."""
    finished = threading.Event()

    def maps(stand: Stand) -> None:
        with stand.waiting():
            pass
        time.sleep(4 * aside.STEP_ASIDE_SECONDS)
        finished.set()

    aside.run(pool, maps, "job-1")

    assert finished.is_set()


def test_a_drain_that_maps_while_its_call_waits_stays_in_front(pool: ThreadPoolExecutor) -> None:
    """Beside the call of one batch it maps the next; only then may another drain be in front."""
    stood: list[bool] = []

    def maps(stand: Stand) -> None:
        with stand.waiting():
            with stand.mapping():
                time.sleep(4 * aside.STEP_ASIDE_SECONDS)
                stood.append(stand.aside)
            time.sleep(4 * aside.STEP_ASIDE_SECONDS)
            stood.append(stand.aside)
            with stand.mapping() as may_map:
                stood.append(may_map)

    aside.run(pool, maps, "job-1")
    pool.shutdown()

    assert stood == [False, True, False]


def test_messages_whose_names_are_looked_up_for_long_are_mapped_by_the_next_drain(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """The look-up hangs for a second, then the names are known, and nobody is held to blame."""
    sandbox.faults({"api": "admin", "delayMs": 1000, "times": 2})
    service = make_service()
    service.start_web()
    service.start_workers(1)

    service.post(tracks(50))
    service.wait_until(lambda: service.lane().delivered == 50, 60)

    assert len(sandbox.received("events")) == 50
    assert sandbox.counts()["calls"]["admin"] == {"200": 2}
    assert "job_failed" not in service.log("worker")
