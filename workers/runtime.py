"""What a worker process has for all its drains: settings, Redis, connections; made once, at its start."""

import os
import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from split_dest.config.settings import Settings
from split_dest.inbox import store
from split_dest.inbox.drains import Drain
from split_dest.outlets.http import Http

#: How many identities are written at once: each is a call of its own.
IDENTITY_CALLS = 8
#: How many drains may wait aside in one process; each holds up to three batches in memory.
_DRAINS_MAX = 16
#: After each read a thread waits for Python's lock, and a claim of 1,000 messages is a megabyte: a backlog is
#: emptied at 53,500 messages a second, with 32 KiB at 51,200.
_READ_BYTES = 262_144
_CURRENT: ContextVar["Runtime"] = ContextVar("runtime")


@dataclass(slots=True)
class Flag:
    """A mark that a signal's handler may raise: unlike an Event it has no lock that the signal could interrupt."""

    raised: bool = False

    def raise_it(self, *_: object) -> None:
        """Raises it, as a signal's handler."""
        self.raised = True


@dataclass(frozen=True, slots=True)
class Runtime:
    """A worker process's things.

    ``drains`` are the threads of drains, ``pool`` those of their calls and claims; ``running`` are the drains
    whose holds its heartbeat renews; ``stop`` is raised when they shall end after the call at hand.
    """

    name: str
    settings: Settings
    store: store.Store
    http: Http
    drains: ThreadPoolExecutor
    pool: ThreadPoolExecutor
    running: set[Drain] = field(default_factory=set)
    stop: Flag = field(default_factory=Flag)

    @contextmanager
    def keeping(self, drain: Drain) -> Iterator[None]:
        """Renews the drain's hold until the block ends."""
        self.running.add(drain)
        try:
            yield
        finally:
            self.running.discard(drain)


def begin(settings: Settings) -> Runtime:
    """Makes this process's runtime and gives it."""
    _CURRENT.set(
        Runtime(
            # A container that is started again has the host and process of before, and RQ takes no worker of a
            # name that it knows, until a killed one is forgotten.
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            settings=settings,
            store=store.Store(store.connect(settings.redis.url, settings.redis.data_dir, read_bytes=_READ_BYTES)),
            http=Http(settings.delivery.timeout_seconds),
            drains=ThreadPoolExecutor(_DRAINS_MAX, thread_name_prefix="drain"),
            # Enough for all drains: one whose calls hang shall not keep another waiting for a thread.
            pool=ThreadPoolExecutor(_DRAINS_MAX * IDENTITY_CALLS, thread_name_prefix="call"),
        )
    )
    return current()


def current() -> Runtime:
    """Gives this process's runtime, for RQ's jobs, which are told nothing of it."""
    return _CURRENT.get()
