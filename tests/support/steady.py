"""Senders that post at a steady rate, and what they saw."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from tests.support.service import SECRET, tracks

_PAUSE_SECONDS = 0.02


class Others:
    """Two senders who each post a message every 20 ms or so on a connection each."""

    def __init__(self, url: str) -> None:
        self._at = urlsplit(url).netloc
        self._stops = threading.Event()
        self.statuses: set[int] = set()
        self.seconds: list[float] = []

    def _post(self) -> None:
        connection = http.client.HTTPConnection(self._at, timeout=60)
        number = 0
        while not self._stops.wait(_PAUSE_SECONDS):
            number += 1
            body = orjson.dumps(tracks(1, messageId=f"{id(connection)}-{number}"))
            began = time.perf_counter()
            connection.request("POST", "/webhook/web", body, {"Authorization": SECRET})
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - began)
            self.statuses.add(answer.status)
        connection.close()

    def p99_seconds(self) -> float:
        """Return the 99th percentile of how long an answer took."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    @contextmanager
    def posting(self) -> Iterator["Others"]:
        """Post until the block ends."""
        threads = [threading.Thread(target=self._post) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stops.set()
            for thread in threads:
                thread.join()


def memory_bytes(parent: int) -> int:
    """Return the resident memory of a process and its children, in bytes."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(_resident(pid) for pid in (str(parent), *children))


def _resident(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
