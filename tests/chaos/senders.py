"""Senders: they post numbered messages and try again until each is acknowledged, as Segment does."""

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import urllib3

from tests.support.service import SECRET

#: Of 25 messages in a row one is an identify call, one is filtered, one becomes a dead letter.
IDENTIFY, UNNAMED, BAD = 0, 1, 2
_KINDS = 25
_PAUSE_SECONDS = 0.2
#: Segment drops a message after any other 4xx (action-destinations, core/errors.ts).
RETRIED_4XX = {408, 423, 429}


def kind(number: int) -> int:
    """Return what a message of this number is: IDENTIFY, UNNAMED, BAD, or something else for a track call."""
    return number % _KINDS


def message(number: int) -> dict[str, Any]:
    """Return the message of a number."""
    given: dict[str, Any] = {"messageId": f"m-{number}", "userId": f"u-{number}"}
    what = kind(number)
    if what == IDENTIFY:
        return given | {"type": "identify", "traits": {"number": number}}
    if what == UNNAMED:
        return given | {"type": "page"}
    if what == BAD:
        return given | {"type": "track", "event": "Tried", "properties": {"text": "x" * 33_000}}
    return given | {"type": "track", "event": "Tried", "properties": {"number": number}}


class Senders:
    """Threads that post to endpoints; which messages may be posted is released bit by bit."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        threads: int = 4,
        batch: int = 40,
        seed: int = 0,
        destination: str = "web",
        first: int = 0,
    ) -> None:
        self.urls = list(urls)
        self.destination = destination
        #: Numbers begin here, so that destinations of one ground have their own.
        self.first = first
        self.acknowledged: dict[int, float] = {}
        self.answers: Counter[int | str] = Counter()
        #: How long each answer took, in seconds.
        self.took: list[float] = []
        #: Answers of 503 that did not say when to try again.
        self.without_retry_after = 0
        self._released = 0
        self._waiting: deque[int] = deque()
        self._batch = batch
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + n),), daemon=True)
            for n in range(threads)
        ]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(30)

    def release(self, messages: int) -> None:
        """Let this many more messages be posted, at once."""
        with self._lock:
            self._waiting.extend(range(self.first + self._released, self.first + self._released + messages))
            self._released += messages

    def release_at(self, a_second: float, seconds: float) -> None:
        """Let messages be posted at a rate, and return when the time is over."""
        started, released = time.monotonic(), 0
        while (passed := time.monotonic() - started) < seconds:
            due = int(passed * a_second)
            self.release(due - released)
            released = due
            time.sleep(0.02)

    @contextmanager
    def flow(self, a_second: float) -> Iterator[None]:
        """Let messages be posted at a rate until the block ends."""
        ends = threading.Event()

        def run() -> None:
            started, released = time.monotonic(), 0
            while not ends.wait(0.02):
                due = int((time.monotonic() - started) * a_second)
                self.release(due - released)
                released = due

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join(5)

    @property
    def released(self) -> int:
        """How many messages have been released."""
        return self._released

    @property
    def open(self) -> int:
        """How many released messages have not been acknowledged."""
        with self._lock:
            return self._released - len(self.acknowledged)

    def wait_until_acknowledged(self, seconds: float = 60.0) -> None:
        """Wait until all that was released is acknowledged."""
        ends = time.monotonic() + seconds
        while self.open:
            assert time.monotonic() < ends, f"{self.open} not acknowledged; answers: {dict(self.answers)}"
            time.sleep(0.02)

    def _run(self, chance: random.Random) -> None:
        with urllib3.PoolManager(retries=False, timeout=10) as http:
            while not self._ends.is_set():
                numbers = self._take(chance.randint(1, self._batch))
                if not numbers:
                    time.sleep(0.005)
                elif not self._post(http, chance.choice((*self.urls,)), numbers):
                    with self._lock:
                        self._waiting.extendleft(numbers)
                    self._ends.wait(_PAUSE_SECONDS * (0.5 + chance.random()))

    def _take(self, most: int) -> list[int]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _post(self, http: urllib3.PoolManager, url: str, numbers: list[int]) -> bool:
        body = orjson.dumps([message(number) for number in numbers])
        started = time.monotonic()
        try:
            headers = {"Authorization": SECRET}
            answer = http.request("POST", f"{url}/webhook/{self.destination}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            with self._lock:
                self.answers["none"] += 1
            return False
        now = time.monotonic()
        with self._lock:
            self.took.append(now - started)
            self.answers[answer.status] += 1
            self.without_retry_after += answer.status == 503 and "Retry-After" not in answer.headers
            if answer.status == 200:
                self.acknowledged.update(dict.fromkeys(numbers, now))
        return answer.status == 200

    def check_answers(self) -> None:
        """Ensure that no sender was told to give up, and that each 503 said when to try again."""
        given_up = {s for s in self.answers if isinstance(s, int) and 400 <= s < 500 and s not in RETRIED_4XX}
        assert not given_up | ({501} & set(self.answers)), dict(self.answers)
        assert not self.without_retry_after
