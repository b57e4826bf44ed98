"""Waking, resting and backing off."""

import time

from split_dest.errors import Refused, Remedy
from split_dest.inbox import drains, intake, lanes, wake
from split_dest.inbox.drains import delivered
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import accept, leave_dead, numbers, take

LIMITED = Refused("rate_limited", "POST /events/bulk: 429", Remedy.WAIT, wait_seconds=0.3)


def test_waking_enqueues_one_drain_a_slot_and_more_for_a_backlog(store: Store) -> None:
    """The first message wakes one drain, further ones none, a backlog of thousands up to four."""
    accept(store, "a")
    first, second = wake.wake(store, "web"), wake.wake(store, "web")

    accept(store, *(f"m-{n}" for n in range(2500)))
    third = wake.wake(store, "web")

    assert (first, second, third) == (1, 0, 2)
    assert store.client.llen("sd:rq:queue:drains") == 3


def test_after_a_refusal_a_single_drain_probes(store: Store) -> None:
    """A backlog behind a refusal wakes one drain, until Split has taken a call."""
    accept(store, *(f"m-{n}" for n in range(4000)))
    store.client.hset("sd:web:events:rest", mapping={"until_ms": 0, "refusals": 3, "reason": "x", "detail": ""})

    assert wake.wake(store, "web") == 1


def test_slots_with_claims_of_the_dead_are_woken_first(store: Store) -> None:
    """A claim in a slot that the backlog alone would not wake is found."""
    accept(store, "a")
    gone = take(store, 3)
    gone.claim(1)
    leave_dead(store, gone)

    assert wake.wake(store, "web") == 1
    assert store.client.exists("sd:web:events:drain:3")


def test_slots_of_lanes_are_what_the_scripts_expect(store: Store) -> None:
    """Every lane that messages can wait in has at least one slot."""
    for lane in lanes.SLOTS:
        intake.accept(store, [Item((lane,), lane, b"{}")], AcceptOptions("web", 24))

    assert wake.wake(store, "web") == len(lanes.SLOTS)


def test_a_lane_rests_for_the_time_given_and_no_drain_may_call(store: Store) -> None:
    """After a refusal with a wait, nobody takes or wakes the lane before it is over."""
    accept(store, "a")
    drain, other = take(store), take(store, 1)

    rest_ms = drain.rest(LIMITED)

    assert 300 <= rest_ms <= 300 + drains.BACKOFF_BASE_MS
    assert drains.take(store, "web", "events", 0) is None
    assert other.may_call() is False
    assert wake.wake(store, "web") == 0
    assert numbers(store).resting_reason == "rate_limited"
    time.sleep(rest_ms / 1000 + 0.05)
    assert drains.take(store, "web", "events", 0) is not None


def test_back_off_doubles_is_capped_and_spread(store: Store) -> None:
    """Without a given wait the bound doubles with each refusal; the waits vary by more than 0.3 of their mean."""
    refused = Refused("upstream_error", "503", Remedy.WAIT)
    accept(store, "a")
    waits = []
    for refusals in range(200):
        store.client.delete("sd:web:events:rest")
        store.client.hset("sd:web:events:rest", mapping={"until_ms": 0, "refusals": refusals % 12})
        waits.append((refusals % 12, take(store).rest(refused)))

    for refusals, wait in waits:
        assert 0 <= wait <= min(drains.BACKOFF_CAP_MS, 1000 * 2 ** (refusals + 1)) + 1
    same = [wait for refusals, wait in waits if refusals == 5]
    mean = sum(same) / len(same)
    assert (sum((wait - mean) ** 2 for wait in same) / len(same)) ** 0.5 / mean > 0.3


def test_refusals_of_one_moment_count_once_and_delivery_ends_them(store: Store) -> None:
    """Two slots meet the same trouble: one refusal; a delivery after the rest starts again."""
    accept(store, "a", "b")
    one, two = take(store, 0), take(store, 1)
    (entry,) = one.claim(1)
    one.rest(LIMITED)
    two.rest(LIMITED)
    assert numbers(store).refusals == 1
    time.sleep(max(0, (numbers(store).resting_until_ms or 0) - store.now_ms()) / 1000 + 0.05)

    one.settle([delivered(entry.id)])

    assert numbers(store).refusals == 0


def test_a_waiting_job_is_never_made_twice(store: Store) -> None:
    """However long a job waits in RQ, its mark lives as long, so that no second one is made."""
    accept(store, "a")
    assert wake.wake(store, "web") == 1
    store.client.pexpire("sd:web:events:drain:0", 300)

    wake.wake(store, "web")
    time.sleep(0.4)

    assert wake.wake(store, "web") == 0
    assert store.client.llen("sd:rq:queue:drains") == 1


def test_a_lost_job_is_made_again_and_an_old_one_ends_at_once(store: Store) -> None:
    """A job that vanished from RQ loses its mark; should it come after all, another has its place."""
    accept(store, "a")
    wake.wake(store, "web")
    lost = store.client.get("sd:web:events:drain:0").decode().removeprefix("queued:")
    store.client.delete("sd:rq:queue:drains")
    store.client.pexpire("sd:web:events:drain:0", 1)
    time.sleep(0.05)

    assert wake.wake(store, "web") == 1
    new = store.client.get("sd:web:events:drain:0").decode().removeprefix("queued:")

    assert drains.take(store, "web", "events", 0, lost) is None
    assert drains.take(store, "web", "events", 0, new) is not None


def test_two_refusals_end_no_message_however_long_the_pause_between(store: Store) -> None:
    """After a pause that Split asked for, they would be all that was tried."""
    accept(store, "a")
    failing = Refused("upstream_error", "503", Remedy.WAIT, wait_seconds=3600)
    since = []
    for _ in range(3):
        drain = take(store)
        since.append(drain.refused_since_ms())
        drain.rest(failing)
        # The pause is over.
        store.client.hset("sd:web:events:rest", "until_ms", 0)

    assert since[:2] == [None, None]
    assert since[2] == int(store.client.hget("sd:web:events:rest", "since_ms"))


def test_only_the_faults_of_split_count_against_waiting_messages(store: Store) -> None:
    """Neither a wrong key nor a rate limit brings a message nearer to being given up."""
    accept(store, "a")
    failing = Refused("upstream_error", "503", Remedy.WAIT, wait_seconds=0)
    for refused, counts in (
        (LIMITED, False),
        (failing, True),
        (Refused("key_refused", "401", Remedy.FIX, wait_seconds=0), False),
        (failing, True),
    ):
        store.client.hset("sd:web:events:rest", "until_ms", 0)
        drain = take(store)
        drain.rest(refused)
        assert (drain.refused_since_ms() is not None) is counts
