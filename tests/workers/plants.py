"""Jobs that someone plants who can write to Redis and nothing else."""

import json
import os
import pickle
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

QUEUE = "sd:rq:queue:drains"
DRAIN = "workers.drain.drain"


@dataclass(frozen=True, slots=True)
class Touch:
    """Creates a file when it is unpickled."""

    file: Path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


def call(function: str, *arguments: Any, instance: Any = None, **named: Any) -> bytes:
    """Return a call as RQ stores it with the JSON serializer."""
    return zlib.compress(json.dumps([function, instance, arguments, named]).encode())


def plant(client: redis.Redis, job_id: str, data: bytes, **fields: Any) -> None:
    """Write a job and add its id to the workers' list."""
    client.hset(f"sd:rq:job:{job_id}", mapping={"data": data, "origin": "drains", "status": "queued", **fields})
    client.rpush(QUEUE, job_id)


def drain(job_id: str, owner: str = "web") -> bytes:
    """Return a real drain's call."""
    return call(DRAIN, owner, "events", 0, job_id)


def with_calls(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield calls that are no drain, each with the reason why it is refused."""
    touch = f"touch {file}"
    yield "job_function", call("os.system", touch)
    yield "job_function", call("os.system", touch, instance={"a": 1})
    yield "job_function", call("workers.drain.current")
    yield "job_function", call(DRAIN, "web", "events", 0, "x", instance="os")
    for data in (pickle.dumps(Touch(file)), pickle.dumps((DRAIN, None, (Touch(file),), {}))):
        yield from (("job_unreadable", data), ("job_unreadable", zlib.compress(data)))
    yield "job_unreadable", b"[" * 1000
    yield "job_unreadable", b"x" * 5_000_000
    yield "job_unreadable", zlib.compress(b"[" + b" " * 900_000 + b"]")
    for arguments in ([], ["web"], ["web", "events", "0", "x"], [{}, [], True, None], ["a:b", "events", 0, "x"]):
        yield "job_arguments", call(DRAIN, *arguments)
    yield "job_arguments", call(DRAIN, "web", "events", 0, "another-id")
    yield "job_arguments", call(DRAIN, "web", "events", 0, "x", command=touch)


def with_extras(file: Path, url: str) -> Iterator[dict[str, Any]]:
    """Yield fields that are added to a real drain so that RQ would do more."""
    pickled = pickle.dumps(Touch(file))
    yield {"meta": pickled}
    yield {"result": pickled}
    yield {"webhooks": json.dumps([{"url": url, "job_status": each} for each in ("finished", "failed")])}
    for kind in ("success", "failure", "stopped"):
        yield {f"{kind}_callback_name": "os.system", f"{kind}_callback_timeout": 5}
    yield {"dependency_ids": '["p-1"]'}
    yield {"retries_left": 3}
    yield {"repeats_left": 3, "repeat_intervals": "[1]"}
    yield {"rate_limit_key": "k", "rate_limit_concurrency": 1}


def around(client: redis.Redis, file: Path) -> None:
    """Plant what RQ reads beside its list: registries, dependents, groups, limits, and its command to pause."""
    evil = call("os.system", f"touch {file}")
    states = {"wip": "started", "ready": "ready_to_enqueue", "deferred": "deferred", "scheduled": "scheduled"}
    for name, status in states.items():
        fields = {"data": evil, "origin": "drains", "status": status, "failure_callback_name": "os.system"}
        client.hset(f"sd:rq:job:in-{name}", mapping={**fields, "meta": pickle.dumps(Touch(file))})
        client.zadd(f"sd:rq:{name}:drains", {f"in-{name}:x" if name == "wip" else f"in-{name}": 1})
    client.rpush(f"{QUEUE}:intermediate", "in-wip", b"\xff\xfe")
    client.sadd("sd:rq:groups", "g")
    client.sadd("sd:rq:group:g", "in-ready")
    client.sadd("sd:rq:rl-keys", "k")
    client.hset("sd:rq:rl:k", "concurrency", 5)
    client.zadd("sd:rq:rl:k:rate_limited", {"in-deferred": 1})
    client.set("sd:rq:suspended", 1)
