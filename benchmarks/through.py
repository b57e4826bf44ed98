"""From the endpoint to Split: how many messages a second, and how long each takes."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import cpu, load
from benchmarks.yard import BIN, Yard, end, wait_until

_WARM_SECONDS = 1.0
#: Whether what waits grows can't be seen in less.
_LEAST_SECONDS = 4.0


def sustained(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Return how many messages a second reach the counter while the endpoint is posted to as fast as it answers.

    Also by how much what waits grows meanwhile, of what is posted.
    """
    seconds = max(seconds, _LEAST_SECONDS)
    yard.clear()
    workers = yard.start_workers(1)
    with ThreadPoolExecutor(1) as pool:
        load_ends = pool.submit(load.post, url, seconds + 2 * _WARM_SECONDS)
        time.sleep(_WARM_SECONDS)
        waited_before = yard.waiting()
        rate = _arriving(yard, seconds)
        grown = yard.waiting() - waited_before
        posted = load_ends.result()
    wait_until(lambda: yard.waiting() == 0, 120)
    end(workers)
    return {"through_service": rate, "through_growth": max(grown, 0) / (posted.rate * seconds)}


def naive(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Return how many messages a second reach the counter by a default ``rq worker``, while its endpoint rests."""
    yard.clear()
    load.post(url, 2)
    worker = yard.start("rq", [str(BIN / "rq"), "worker", "--url", yard.redis_url, "--quiet"])
    wait_until(lambda: yard.counted()["events"] > 0)
    rate = _arriving(yard, seconds)
    # It ends after the current job.
    worker.terminate()
    worker.wait(30)
    return {"through_naive": rate}


def _arriving(yard: Yard, seconds: float) -> float:
    """Return how many events a second come to the counter, from its last call by now to its last one then."""
    before = yard.counted()
    time.sleep(seconds)
    after = yard.counted()
    assert after["last_ns"] > before["last_ns"], f"no event came within {seconds} s"
    events, took_ns = (after[name] - before[name] for name in ("events", "last_ns"))
    return float(events / took_ns * 1e9)


def ages(yard: Yard, url: str, seconds: float, rate: float = 300.0) -> dict[str, float]:
    """Return how long messages take from when they are due to be posted until the counter has them, in ms.

    Also what each costs the worker, in µs of its CPU time, where a lane is kept empty, and how many one job of RQ
    delivers there.
    """
    yard.clear()
    workers = yard.start_workers(1)
    pids = cpu.workers(workers.pid)
    before_us, before_jobs = cpu.used_us(pids), _jobs(yard)
    posted = load.post(url, seconds, rate=rate)
    count = round(posted.rate * posted.seconds)
    wait_until(lambda: yard.waiting() == 0)
    # RQ counts a job when it has ended.
    wait_until(lambda: _jobs(yard) > before_jobs)
    used_us, jobs = cpu.used_us(pids) - before_us, _jobs(yard) - before_jobs
    ages_ms = [ns / 1e6 for ns in yard.counted()["ages_ns"]]
    assert len(ages_ms) >= count, (len(ages_ms), count)
    end(workers)
    hundredths = statistics.quantiles(ages_ms, n=100)
    return {
        "age_p50_ms": hundredths[49],
        "age_p99_ms": hundredths[98],
        "age_worker_us": used_us / count,
        "age_messages_a_job": count / jobs,
    }


def _jobs(yard: Yard) -> int:
    """Return how many jobs RQ's workers have done."""
    keys = yard.store.client.smembers("sd:rq:workers")
    return sum(int(yard.store.client.hget(key, "successful_job_count") or 0) for key in keys)
