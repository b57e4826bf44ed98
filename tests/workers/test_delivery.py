"""A drain holds three batches: the calls of one are under way, one is being mapped, one is claimed ahead."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from split_dest.config import settings
from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, delivered
from split_dest.inbox.store import Store
from tests.support.commands import wait_until
from tests.support.steps import accept, numbers, take
from workers import runtime
from workers.delivery import LaneDelivery, SlowCallGuard

_WAIT_SECONDS = 20


@pytest.fixture
def make_delivery(store: Store) -> Iterator[Callable[[int], LaneDelivery]]:
    """Return a function that creates the delivery of a drain; its argument is the size of a batch."""
    deliveries: list[LaneDelivery] = []

    def make(batch: int) -> LaneDelivery:
        limits = settings.DeliveryLimits(batch_max_events=batch)
        shared = replace(runtime.start(settings.Settings(delivery=limits)), store=store)
        ends = time.monotonic() + _WAIT_SECONDS
        deliveries.append(LaneDelivery(take(store), shared, SlowCallGuard(), ends))
        return deliveries[-1]

    yield make
    for delivery in deliveries:
        delivery.wait_for_threads()


def test_a_batch_is_mapped_and_another_claimed_while_a_call_is_under_way(
    store: Store, make_delivery: Callable[[int], LaneDelivery]
) -> None:
    """The time that Split takes to answer is used to prepare the next calls."""
    accept(store, "a", "b", "c")
    delivery = make_delivery(1)
    answered = threading.Event()

    first = delivery.claim()
    delivery.map(first, _text)
    delivery.start_calls(first, partial(_call, delivery, first[0].id, answered))
    mapped = delivery.map(delivery.claim(), _text)
    wait_until(lambda: numbers(store).in_flight == 3)
    claimed = delivery.claim()

    assert mapped == [b'{"messageId":"b"}']
    assert [_text(entry) for entry in claimed] == [b'{"messageId":"c"}']
    assert numbers(store).delivered == 0
    answered.set()
    delivery.finish_calls()
    assert numbers(store).delivered == 1


def test_one_call_is_under_way_at_a_time(store: Store, make_delivery: Callable[[int], LaneDelivery]) -> None:
    """A refusal is known before the next call is sent, and a worker that dies leaves one batch in doubt."""
    accept(store, "a", "b")
    delivery = make_delivery(1)
    later: list[str] = []

    delivery.start_calls(delivery.claim(), _refused)
    with pytest.raises(Refused):
        delivery.start_calls(delivery.claim(), partial(later.append, "called"))
    delivery.wait_for_threads()

    assert later == []


def test_a_batch_that_was_refused_is_out_of_memory_at_once(
    store: Store, make_delivery: Callable[[int], LaneDelivery]
) -> None:
    """Python searches for cycles rarely, so a batch in a cycle would stay in memory for many batches."""
    batch = _Batch()
    seen = weakref.ref(batch)
    delivery = make_delivery(1)

    gc.disable()
    try:
        delivery.start_calls(batch, _refused)
        del batch
        with contextlib.suppress(Refused):
            delivery.finish_calls()
        assert seen() is None
    finally:
        gc.enable()


class _Batch(list[Entry]):
    """A batch that can be referred to weakly."""


def _text(entry: Entry) -> bytes:
    return entry.text


def _call(delivery: LaneDelivery, entry_id: str, answered: threading.Event) -> None:
    assert answered.wait(_WAIT_SECONDS)
    delivery.settle([delivered(entry_id)])


def _refused() -> None:
    raise Refused("rate_limited", "429", Remedy.WAIT)
