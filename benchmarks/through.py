"""From the door to Split: how many messages a second, and how long each takes."""

import http.client
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from benchmarks import load
from benchmarks.yard import BIN, Yard
from tests.support.service import SECRET

_SENDERS = 4
_WARM_SECONDS = 1.0


def sustained(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Gives how many messages a second reach the counter while the door is posted to as fast as it answers.

    Also by how much what waits grows meanwhile, of what is posted.
    """
    yard.clear()
    workers = yard.service.start_workers(1)
    with ThreadPoolExecutor(1) as pool:
        load_ends = pool.submit(load.post, url, seconds + 2 * _WARM_SECONDS)
        time.sleep(_WARM_SECONDS)
        waited_before = yard.service.lane().pending
        rate = _arriving(yard, seconds)
        grown = yard.service.lane().pending - waited_before
        posted = load_ends.result()
    yard.service.wait_until(lambda: yard.service.lane().pending == 0, 120)
    yard.service.stop(workers)
    return {"through_service": rate, "through_growth": max(grown, 0) / (posted.rate * seconds)}


def naive(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Gives how many messages a second reach the counter by a default ``rq worker``, while its door rests."""
    yard.clear()
    load.post(url, 2)
    worker = yard.start("rq", [str(BIN / "rq"), "worker", "--url", yard.redis_url, "--quiet"])
    yard.service.wait_until(lambda: yard.counted()["events"] > 0)
    rate = _arriving(yard, seconds)
    # It ends after the job at hand.
    worker.terminate()
    worker.wait(30)
    return {"through_naive": rate}


def _arriving(yard: Yard, seconds: float) -> float:
    """Gives how many events a second come to the counter, from its last call by now to its last one then."""
    before = yard.counted()
    time.sleep(seconds)
    after = yard.counted()
    assert after["last_ns"] > before["last_ns"], f"no event came within {seconds} s"
    events, took_ns = (after[name] - before[name] for name in ("events", "last_ns"))
    return float(events / took_ns * 1e9)


def ages(yard: Yard, url: str, seconds: float, rate: float = 300.0) -> dict[str, float]:
    """Gives how long messages take from when they are due to be posted until the counter has them, in ms."""
    yard.clear()
    workers = yard.service.start_workers(1)
    count = int(rate * seconds) // _SENDERS
    senders = [
        threading.Thread(target=_post, args=(url, number, count, rate / _SENDERS)) for number in range(_SENDERS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    yard.service.wait_until(lambda: yard.counted()["events"] >= count * _SENDERS)
    ages_ms = [ns / 1e6 for ns in yard.counted()["ages_ns"]]
    yard.service.stop(workers)
    hundredths = statistics.quantiles(ages_ms, n=100)
    return {"age_p50_ms": hundredths[49], "age_p99_ms": hundredths[98]}


def _post(url: str, sender: int, count: int, rate: float) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    started = time.monotonic()
    for number in range(count):
        # Its age counts from when it was due, however late the one before was answered.
        due = started + (number + sender / _SENDERS) / rate
        time.sleep(max(0.0, due - time.monotonic()))
        sent = f'"properties":{{"sent_ns":{int(due * 1e9)},'
        body = load.MESSAGE.replace("MESSAGE_ID", f"{sender}-{number}").replace('"properties":{', sent)
        connection.request("POST", "/webhook/web", body, {"Authorization": SECRET})
        answer = connection.getresponse()
        assert answer.read(), answer.status
        assert answer.status == 200, answer.status
    connection.close()
