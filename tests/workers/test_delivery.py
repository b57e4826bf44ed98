"""Three batches at hand: one's calls in the air, one being mapped, one claimed ahead."""

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from split_dest.config import settings
from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, delivered
from split_dest.inbox.store import Store
from tests.cli.typed import wait_until
from tests.inbox.steps import accept, numbers, take
from workers import runtime
from workers.aside import Stand
from workers.delivery import Delivery

_WAIT_SECONDS = 20


@pytest.fixture
def make_delivery(store: Store) -> Iterator[Callable[[int], Delivery]]:
    """Makes the delivery of a drain that claims so many messages at a time."""
    made: list[Delivery] = []

    def make(batch: int) -> Delivery:
        limits = settings.Delivery(batch_max_events=batch)
        things = replace(runtime.begin(settings.Settings(delivery=limits)), store=store)
        made.append(Delivery(take(store), things, Stand(), time.monotonic() + _WAIT_SECONDS))
        return made[-1]

    yield make
    for delivery in made:
        delivery.wait()


def test_a_batch_is_mapped_and_another_claimed_while_a_call_is_in_the_air(
    store: Store, make_delivery: Callable[[int], Delivery]
) -> None:
    """Split may take as long for its answer as the worker for the next messages, and nobody waits for both."""
    accept(store, "a", "b", "c")
    delivery = make_delivery(1)
    answered = threading.Event()

    first = delivery.claim()
    delivery.send_off(list(delivery.mapping(first)), partial(_call, delivery, first[0].id, answered))
    mapped = list(delivery.mapping(delivery.claim()))
    wait_until(lambda: numbers(store).in_flight == 3)
    claimed = delivery.claim()

    assert (_texts(mapped), _texts(claimed)) == ([b'{"messageId":"b"}'], [b'{"messageId":"c"}'])
    assert numbers(store).delivered == 0
    answered.set()
    delivery.land()
    assert numbers(store).delivered == 1


def test_one_call_is_in_the_air_at_a_time(store: Store, make_delivery: Callable[[int], Delivery]) -> None:
    """What was refused is known before the next call goes, and a worker that dies leaves one batch in doubt."""
    accept(store, "a", "b")
    delivery = make_delivery(1)
    later: list[str] = []

    delivery.send_off(delivery.claim(), _refused)
    with pytest.raises(Refused):
        delivery.send_off(delivery.claim(), partial(later.append, "called"))
    delivery.wait()

    assert later == []


def test_a_batch_that_was_refused_is_out_of_memory_at_once(
    store: Store, make_delivery: Callable[[int], Delivery]
) -> None:
    """What is left to Python's search for cycles stays for many batches, because the search is rare."""
    batch = _Batch()
    seen = weakref.ref(batch)
    delivery = make_delivery(1)

    gc.disable()
    try:
        delivery.send_off(batch, _refused)
        del batch
        with contextlib.suppress(Refused):
            delivery.land()
        assert seen() is None
    finally:
        gc.enable()


class _Batch(list[Entry]):
    """A batch that can be referred to weakly."""


def _texts(entries: Sequence[Entry]) -> list[bytes]:
    return [entry.text for entry in entries]


def _call(delivery: Delivery, entry_id: str, answered: threading.Event) -> None:
    assert answered.wait(_WAIT_SECONDS)
    delivery.settle([delivered(entry_id)])


def _refused() -> None:
    raise Refused("rate_limited", "429", Remedy.WAIT)
