"""How fast worker processes empty a backlog, and what that costs them."""

import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from benchmarks import cpu, load
from benchmarks.yard import Yard, end, wait_until
from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.wake import wake
from split_dest.mapping.acceptance import Item
from split_dest.segment import message

_REST = "sd:web:events:rest"
_STEP = 1000
#: Of each worker process, so that what its start costs is the same part of its work; a third in a short run.
_SHARE = 15_000


@dataclass(frozen=True, slots=True)
class Emptied:
    """Messages a second, CPU time of the workers for each in µs, and the memory of the largest at its most."""

    rate: float
    cpu_us: float
    max_bytes: int


def measure(yard: Yard, large: int) -> dict[str, float]:
    """Return rates and costs for 10,000 and for a *large* number of messages, and for one to four processes."""
    share, times = (_SHARE, 2) if large > 10 * _SHARE else (_SHARE // 3, 1)
    # Before and after, for the machine is quicker one minute than the next.
    few = [empty(yard, 10_000, 1) for _ in range(times)]
    many = empty(yard, large, 1)
    few += [empty(yard, 10_000, 1) for _ in range(times)]
    costs = _costs(yard, (1, 2, 4), share, times + 1)
    yard.clear()
    return {
        "drain_small": statistics.median(one.rate for one in few),
        "drain_large": many.rate,
        "drain_small_mb": statistics.median(one.max_bytes for one in few) / 1e6,
        "drain_large_mb": many.max_bytes / 1e6,
        "redis_bytes": fill(yard, 20_000),
        **{f"cpu_us_{processes}": cost for processes, cost in costs.items()},
    }


def _costs(yard: Yard, numbers: Sequence[int], share: int, times: int) -> dict[int, float]:
    """Return the least CPU time a message of this many processes: what else the machine does only adds to it.

    *share*: the messages of each process; *times*: how often each number of processes has its turn.
    """
    # In turns, for the machine is quicker one second than the next.
    rounds = [[empty(yard, share * processes, processes).cpu_us for processes in numbers] for _ in range(times)]
    return dict(zip(numbers, map(min, *rounds), strict=True))


def fill(yard: Yard, count: int) -> float:
    """Let this many messages wait, each with its claim; return the bytes of Redis for each byte of their JSON.

    Redis has written its file again by then, if so much at once made it do so: that is no part of a drain.
    """
    before_bytes, json_bytes = _used_bytes(yard), 0
    text = message.dump(message.load(orjson.loads(load.TEMPLATE))).decode()
    for start in range(0, count, _STEP):
        items = [_item(text) for _ in range(min(_STEP, count - start))]
        intake.accept(yard.store, items, AcceptOptions("web", 24))
        json_bytes += sum(len(item.text) for item in items)
    return (_used_bytes(yard) - before_bytes) / json_bytes


def _item(text: str) -> Item:
    one = str(uuid.uuid4())
    return Item(("events",), one, load.filled(text, one).encode())


def _used_bytes(yard: Yard) -> int:
    told = yard.store.client.info
    rewriting = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    # What is on its way to Redis's file takes tens of megabytes for a while, whatever waits.
    wait_until(lambda: not any(told("persistence")[name] for name in rewriting), 600)
    memory = told("memory")
    return int(memory["used_memory"]) - int(memory["mem_aof_buffer"])


def empty(yard: Yard, count: int, processes: int) -> Emptied:
    """Let worker processes, which stand ready, empty a backlog; its rate is from the first call to the last."""
    yard.clear()
    with _resting(yard):
        fill(yard, count)
        workers = yard.start_workers(processes)
        pids = cpu.workers(workers.pid)
        before_us = cpu.used_us(pids)
    wake(yard.store, "web", ["events"])
    wait_until(lambda: yard.counted()["events"] >= count, 600)
    used_us, max_bytes = cpu.used_us(pids) - before_us, max(map(cpu.max_bytes, pids))
    wait_until(lambda: yard.waiting() == 0)
    counted = yard.counted()
    assert counted["events"] == count, counted
    end(workers)
    seconds = (counted["last_ns"] - counted["first_ns"]) / 1e9
    return Emptied((count - counted["first_events"]) / seconds, used_us / count, max_bytes)


@contextmanager
def _resting(yard: Yard) -> Iterator[None]:
    yard.store.client.hset(_REST, "until_ms", int(time.time() + 3600) * 1000)
    try:
        yield
    finally:
        yard.store.client.delete(_REST)
