"""What all drains of a worker process share: settings, Redis, connections, threads; created once, at its start."""

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
from split_dest.inbox.drains import SlotLease
from split_dest.outlets.http import HttpClient

#: How many identities are written at once: each is its own call.
IDENTITY_CALLS = 8
#: How many drains one process may have in the background; each holds up to three batches in memory.
_DRAINS_MAX = 16
#: After each read a thread waits for Python's lock, and a claim of 1,000 messages is a megabyte: a backlog is
#: emptied at 53,500 messages a second, with 32 KiB at 51,200.
_READ_BYTES = 262_144
_CURRENT: ContextVar["Runtime"] = ContextVar("runtime")


@dataclass(slots=True)
class StopSignal:
    """Whether the process should stop; a signal handler can set it, because unlike an Event it has no lock."""

    is_set: bool = False

    def set(self, *_: object) -> None:
        """Set it; a signal handler."""
        self.is_set = True


@dataclass(frozen=True, slots=True)
class Runtime:
    """What all drains of a worker process share.

    ``drains`` are the threads of drains, ``pool`` those of their calls and claims; ``leases`` are the slots that
    the heartbeat renews; ``left`` are the jobs that this worker has left to others since it waited last; once
    ``stop`` is set, drains end after their calls under way.
    """

    name: str
    settings: Settings
    store: store.Store
    http: HttpClient
    drains: ThreadPoolExecutor
    pool: ThreadPoolExecutor
    leases: set[SlotLease] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    stop: StopSignal = field(default_factory=StopSignal)

    @contextmanager
    def renewing(self, lease: SlotLease) -> Iterator[None]:
        """Renew a slot's lease until the block ends."""
        self.leases.add(lease)
        try:
            yield
        finally:
            self.leases.discard(lease)


def start(settings: Settings) -> Runtime:
    """Create this process's runtime and return it."""
    client = store.connect(settings.redis.url, settings.redis.data_dir, read_bytes=_READ_BYTES)
    _CURRENT.set(
        Runtime(
            # A restarted container has its old host name and process id, and RQ refuses a worker of a name that it
            # knows until it has forgotten the killed one.
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            settings=settings,
            store=store.Store(client, settings.redis.prefix),
            http=HttpClient(settings.delivery.timeout_seconds),
            drains=ThreadPoolExecutor(_DRAINS_MAX, thread_name_prefix="drain"),
            # Enough for all drains: one whose calls hang must not keep another waiting for a thread.
            pool=ThreadPoolExecutor(_DRAINS_MAX * IDENTITY_CALLS, thread_name_prefix="call"),
        )
    )
    return current()


def current() -> Runtime:
    """Return this process's runtime, which RQ can't pass to its jobs."""
    return _CURRENT.get()
