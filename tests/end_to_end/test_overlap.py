"""Messages are mapped, and more are claimed, while the call of others is under way."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.planted import PAUSE, sown
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks
from tests.support.steps import leave_dead, take

_SLOW_MS = 1000


@pytest.fixture
def slow(make_service: Callable[..., Service], sandbox: Sandbox) -> Service:
    """A service with web alone, in batches of ten; Split takes a second for each call."""
    service = make_service()
    service.change("delivery: {", "delivery: {batch_max_events: 10, ")
    service.start_web()
    sandbox.faults({"api": "events", "delayMs": _SLOW_MS})
    return service


def keys(sandbox: Sandbox) -> Counter[str]:
    """Return how often an event of each key came."""
    return Counter(event["key"] for event in sandbox.received("events"))


def test_three_batches_are_at_hand(slow: Service, sandbox: Sandbox) -> None:
    """One is under way, one is mapped, one is claimed, when nothing is delivered yet."""
    slow.post(tracks(40))

    slow.start_workers(1)
    slow.wait_until(lambda: slow.lane().in_flight == 30)

    assert slow.lane().delivered == 0
    slow.wait_until(lambda: slow.lane().delivered == 40)
    assert set(keys(sandbox).values()) == {1}


def test_what_a_dead_drain_left_is_sent_once(slow: Service, sandbox: Sandbox) -> None:
    """Until it is settled, the same messages would be claimed again."""
    slow.post(tracks(30))
    # The endpoint has queued a drain for the slot.
    slow.store.client.delete("sd:web:events:drain:0")
    dead = take(slow.store)
    dead.claim(25)
    leave_dead(slow.store, dead)

    slow.start_workers(1)
    slow.wait_until(lambda: slow.lane().delivered == 30)

    assert keys(sandbox) == {f"u-{n}": 1 for n in range(30)}


def test_the_slot_is_kept_while_a_call_is_in_the_air(slow: Service, sandbox: Sandbox) -> None:
    """The next batch fails to be mapped meanwhile; were the slot free, another drain would send the call again."""
    slow.change("timeout_seconds: 2", "timeout_seconds: 20")
    # Long enough for the watch to find a free slot.
    sandbox.faults({"api": "events", "delayMs": 4 * _SLOW_MS, "times": 1})
    slow.post(tracks(18) + tracks(1, start=18, event=PAUSE) + tracks(1, start=19, event="Poison exhaust"))

    slow.start_workers(1, **sown(slow.folder))
    slow.wait_until(lambda: slow.lane().pending == 0, 60)
    # Nobody waits for a call any more, so one that is under way all the same would come by now.
    time.sleep(4 * _SLOW_MS / 1000)

    assert (slow.lane().delivered, slow.lane().dead) == (19, 1)
    assert keys(sandbox) == {f"u-{n}": 1 for n in range(19)}
