"""The same messages come again and again, batched again."""

import random
import threading
from pathlib import Path

import orjson
import urllib3

from tests.chaos.ground import ground
from tests.chaos.scenario import Dose, scenario
from tests.chaos.senders import Senders, message
from tests.support.service import SECRET

_MESSAGES, _TIMES = 1000, 5


def _send(url: str, numbers: list[int], sizes: list[int], answers: list[int]) -> None:
    with urllib3.PoolManager(retries=False, timeout=10) as http:
        for size in sizes:
            batch, numbers = numbers[:size], numbers[size:]
            if batch:
                body = orjson.dumps([message(n) for n in batch])
                answer = http.request("POST", f"{url}/webhook/web", body=body, headers={"Authorization": SECRET})
                answers.append(answer.status)


@scenario(
    "the same 1,000 messages five times, batched again each time, from parallel senders", "each delivered once"
)
def repeats(folder: Path, dose: Dose) -> str:
    """Five senders post all messages at the same time, each in its own order and batches."""
    senders = Senders([])
    senders.release(_MESSAGES)
    with ground(folder) as on:
        on.service.start_web()
        on.service.start_workers()
        answers = _send_all(on.service.url, dose.chance())
        senders.acknowledged = dict.fromkeys(range(_MESSAGES), 0.0)
        on.settle(senders)
        found = on.verdict(senders)
        lanes = on.lanes().values()
    assert set(answers) == {200}
    assert not found.lost
    assert found.doubled == 0
    assert sum(lane.duplicate for lane in lanes) == _MESSAGES * (_TIMES - 1)
    return str(found)


def _send_all(url: str, chance: random.Random) -> list[int]:
    answers: list[int] = []
    orders = [chance.sample(range(_MESSAGES), _MESSAGES) for _ in range(_TIMES)]
    sizes = [[chance.randint(1, 100) for _ in range(_MESSAGES)] for _ in range(_TIMES)]
    threads = [
        threading.Thread(target=_send, args=(url, *each, answers)) for each in zip(orders, sizes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers
