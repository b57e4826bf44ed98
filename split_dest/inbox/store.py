"""The connection to Redis and the scripts that run there."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache, partial
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection

from split_dest.errors import StoreUnavailable
from split_dest.inbox.embedded_socket import greet, socket_path

#: redis-py's own; each connection keeps so much memory.
_READ_BYTES = 32_768
#: Instead of an owner, for keys that belong to none.
EVERYBODY = ""
_WATCH_MS = 900
_COPY_MS = 500
#: What only a replica answers to a script that writes, and to WAIT (Redis 6.2 and 7).
_OF_A_REPLICA = ("READONLY", "WAIT cannot be used with replica")
_SCRIPTS = (
    *(
        "accept",
        "wake",
        "take",
        "hold",
        "suspect",
        "vouch",
        "blame",
        "settle",
        "rest",
        "release",
        "unmark",
        "beat",
    ),
    *("replay", "drop", "keep", "ledger", "refused", "leave", "resume", "announce", "settings"),
)


def connect(
    url: str, data_dir: str, *, timeout_seconds: float = 2.0, read_bytes: int = _READ_BYTES
) -> redis.Redis:
    """Return a client; nothing is connected yet.

    Args:
        url: ``embedded``, or an address with the scheme redis, rediss, unix or redis+sentinel.
        data_dir: of the embedded Redis.
        timeout_seconds: how long one command may take. A command is tried twice when its connection was cut,
            never when Redis was silent, so a caller waits no longer than this.
        read_bytes: how much of an answer is read at once.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": min(timeout_seconds, 1.0),
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        "protocol": 2,
        # redis-py's own 100 are fewer than the destinations that a web process may serve at a moment.
        "max_connections": 10_000,
        "socket_read_size": read_bytes,
        # Its name and version are nothing that a user's rights must allow for.
        "driver_info": None,
    }
    if url == "embedded":
        options["redis_connect_func"] = partial(greet, data_dir)
        return redis.Redis(unix_socket_path=str(socket_path(data_dir)), **options)
    if url.startswith("redis+sentinel://"):
        return _behind_sentinel(url, options)
    return redis.Redis.from_url(url, **options)


class _MasterConnection(SentinelManagedConnection):
    """Leaves a master that was silent, as all other connections of redis-py do, or has become a replica.

    redis-py 8.1 keeps this kind: the next command would wait for the same server, promotion or not, and might take
    a late answer for its own. And it knows a replica by the refusal of a plain command alone: within a script the
    word is inside the text, and WAIT has another.

    Source:
        redis-py's pull request 4292.
    """

    def read_response(self, *args: Any, disconnect_on_error: bool | None = True, **options: Any) -> Any:
        try:
            return super().read_response(*args, disconnect_on_error=disconnect_on_error, **options)
        except redis.ResponseError as error:
            if not any(words in str(error) for words in _OF_A_REPLICA):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the master has become a replica") from error


class _Sentinels(Sentinel):
    """Sentinels that several threads may ask at once.

    redis-py 8.1 moves the one that answered to the front of a shared list in two steps: between two threads one
    sentinel took the places of the others for good, and once it was silent no master was found any more.
    """

    def discover_master(self, service_name: str) -> Any:
        mine = copy(self)
        mine.sentinels = list(self.sentinels)
        address = super(_Sentinels, mine).discover_master(service_name)  # type: ignore[no-untyped-call]
        self.sentinels = mine.sentinels
        return address


def _behind_sentinel(url: str, options: dict[str, Any]) -> redis.Redis:
    parsed = urlsplit(url)
    hosts = [host.rsplit(":", 1) for host in parsed.netloc.rpartition("@")[2].split(",")]
    service, _, database = parsed.path.strip("/").partition("/")
    # A sentinel may be as silent as the master on its host. Each new connection asks, and all of them twice.
    short = options["socket_connect_timeout"] / 2
    for_sentinels = options | {"socket_timeout": short, "socket_connect_timeout": short}
    if parsed.password:
        options = options | {"username": parsed.username or None, "password": unquote(parsed.password)}
    sentinel: Any = _Sentinels(  # type: ignore[no-untyped-call]
        [(host, int(port)) for host, port in hosts],
        # redis-py's own default would try a silent sentinel ten times, far beyond what a sender waits.
        sentinel_kwargs=for_sentinels,
    )
    client: redis.Redis = sentinel.master_for(
        service, db=int(database or 0), connection_class=_MasterConnection, **options
    )
    return client


def name_rq(prefix: str) -> None:
    """Let the keys of RQ begin with ours: it reads the variable when it is imported, which must come later."""
    os.environ["RQ_KEY_PREFIX"] = f"{prefix}:rq"


class Store:
    """A client with the scripts, and the names of keys; every error of Redis leaves as ``StoreUnavailable``.

    Args:
        client: of the Redis.
        prefix: what all keys of this deployment begin with.
    """

    def __init__(self, client: redis.Redis, prefix: str = "sd") -> None:
        # redis-py types an answer as everything that any protocol and decoding may make of it.
        self.client: Any = client
        self.prefix = prefix
        #: Destinations and sources that this process has written down in Redis already.
        self.registered: set[str] = set()
        self._scripts = {name: client.register_script(_text(name)) for name in _SCRIPTS}
        name_rq(prefix)

    def key(self, *parts: str) -> str:
        """Return the key that these parts name; those of a destination or source begin with its name."""
        return ":".join((self.prefix, *parts))

    def run(self, script: str, owner: str, *args: Any, pipeline: Any = None) -> Any:
        """Return what a script of ``scripts/`` answers to the arguments.

        Args:
            script: its name.
            owner: whose keys it works with: a destination or source, or ``EVERYBODY``. The script's first argument
                is what these keys begin with.
            *args: the others.
            pipeline: to which the call is added.

        Raises:
            StoreUnavailable: Redis is away or refuses.
        """
        beginning = self.key(owner, "") if owner else self.key("")
        with reported():
            return self._scripts[script](args=[beginning, *args], client=pipeline)

    def run_copied(self, script: str, owner: str, *args: Any, wait_replicas: int) -> Any:
        """Return a script's answer when this many replicas have what it wrote, and all that was written before.

        Raises:
            StoreUnavailable: as ``run``, or too few replicas have it in time.
        """
        if not wait_replicas:
            return self.run(script, owner, *args)
        with reported(), self.client.pipeline(transaction=False) as pipeline:
            self.run(script, owner, *args, pipeline=pipeline)
            # WAIT is about the writes of the same connection, so both are in a pipeline.
            pipeline.execute_command("WAIT", wait_replicas, _COPY_MS)
            reply, replicas = pipeline.execute()
        if replicas < wait_replicas:
            raise StoreUnavailable(f"Redis: {replicas} of {wait_replicas} replicas have it")
        return reply

    def run_once(self, *command: Any) -> Any:
        """Return the answer, as Redis writes it, to a command that must not be sent again when its answer is lost.

        Raises:
            StoreUnavailable: Redis is away; the command may have been run.
        """
        with reported():
            pool = self.client.connection_pool
            connection = pool.get_connection()
            try:
                connection.send_command(*command)
                return connection.read_response()
            finally:
                pool.release(connection)

    def my_turn_to_watch(self, what: str) -> bool:
        """Return True to one caller in each second of those that watch the same, wherever they are.

        Raises:
            StoreUnavailable: Redis is away.
        """
        key = self.key("watch", what)
        with reported():
            if self.client.set(key, 1, nx=True, px=_WATCH_MS):
                return True
            # It lasts longer only if Redis's clock has gone back; then nobody would watch until it has caught up.
            return self.client.pttl(key) > _WATCH_MS and bool(self.client.set(key, 1, px=_WATCH_MS))

    def now_ms(self) -> int:
        """Return Redis's own time.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with reported():
            seconds, microseconds = self.client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors of redis-py into ``StoreUnavailable``, without data that they may quote."""
    try:
        yield
    except redis.RedisError as error:
        # Redis 6.2 hides the word in what it says of a script.
        is_full = isinstance(error, redis.OutOfMemoryError) or "-OOM " in str(error)
        code = "store_full" if is_full else "store_unavailable"
        raise StoreUnavailable(f"Redis: {type(error).__name__}", code) from error


def stored_number(text: bytes | None) -> int:
    """Return a number that Redis holds; 0: it is absent, or none that Redis can count."""
    # A longer one has more than 64 bits.
    match = re.fullmatch(rb"-?\d{1,18}", text or b"0")
    return int(match[0]) if match else 0


def stored_ms(text: bytes | None) -> int | None:
    """Return a time that Redis holds, in ms; None: it is absent, or none before the year 5138."""
    match = re.fullmatch(rb"\d{1,14}", text or b"")
    return int(match[0]) if match else None


@cache
def _text(name: str) -> str:
    scripts = resources.files("split_dest.inbox") / "scripts"
    return (scripts / "lib.lua").read_text("utf-8") + (scripts / f"{name}.lua").read_text("utf-8")
