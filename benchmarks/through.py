"""From the door to Split: how many messages a second, and how long each takes."""

import http.client
import statistics
import subprocess
import threading
import time
from urllib.parse import urlsplit

from benchmarks import load
from benchmarks.yard import BIN, Yard
from tests.support.service import SECRET

_SENDERS = 4


def sustained(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Gives how many messages a second reach the counter while the door is posted to as fast as it answers.

    Also the part of what was posted that waits at the end.
    """
    yard.clear()
    workers = yard.service.start_workers(1)
    posted = load.post(url, seconds)
    counted, waiting = yard.counted(), yard.service.lane().pending
    yard.service.wait_until(lambda: yard.service.lane().pending == 0, 120)
    yard.service.stop(workers)
    took = (counted["last_ns"] - counted["first_ns"]) / 1e9
    return {"through_service": counted["events"] / took, "through_waiting": waiting / (posted.rate * seconds)}


def naive(yard: Yard, url: str, seconds: float) -> dict[str, float]:
    """Gives how many messages a second reach the counter by a default ``rq worker``, while its door rests."""
    yard.clear()
    load.post(url, 2)
    worker = yard.start("rq", [str(BIN / "rq"), "worker", "--url", yard.redis_url, "--quiet"])
    yard.service.wait_until(lambda: yard.counted()["events"] > 0)
    before = yard.counted()
    time.sleep(seconds)
    after = yard.counted()
    _kill(worker)
    took = (after["last_ns"] - before["last_ns"]) / 1e9
    return {"through_naive": (after["events"] - before["events"]) / took}


def _kill(worker: "subprocess.Popen[bytes]") -> None:
    worker.kill()
    worker.wait(10)


def ages(yard: Yard, url: str, seconds: float, rate: float = 300.0) -> dict[str, float]:
    """Gives how long messages take from before they are posted until the counter has them, in ms."""
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
        time.sleep(max(0.0, started + (number + sender / _SENDERS) / rate - time.monotonic()))
        sent = f'"properties":{{"sent_ns":{time.monotonic_ns()},'
        body = load.MESSAGE.replace("MESSAGE_ID", f"{sender}-{number}").replace('"properties":{', sent)
        connection.request("POST", "/webhook/web", body, {"Authorization": SECRET})
        assert connection.getresponse().read()
    connection.close()
