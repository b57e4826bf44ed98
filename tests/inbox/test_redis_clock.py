"""Redis's clock was ahead for a while: what was written then holds nothing up for as long."""

from split_dest.errors import Refused, Remedy
from split_dest.inbox import drains, wake
from split_dest.inbox.store import Store
from tests.support.steps import accept, numbers, take

HOUR_MS = 3_600_000
FAILED = Refused("upstream_error", "POST /events/bulk: 503", Remedy.WAIT)


def pause_until(store: Store, ahead_ms: int) -> None:
    """Let the lane rest until so long after now, as a clock that was ahead has written it."""
    fields = {"until_ms": store.now_ms() + ahead_ms, "refusals": 1, "reason": "rate_limited", "detail": ""}
    store.client.hset("sd:web:events:rest", mapping=fields)


def test_a_pause_beyond_the_longest_is_over(store: Store) -> None:
    """Nothing asks for more than an hour, so its end was written by another time."""
    accept(store, "a")
    pause_until(store, 2 * HOUR_MS)

    assert numbers(store).resting_until_ms is None
    assert wake.wake(store, "web") == 1
    job_id = store.client.get("sd:web:events:drain:0").decode().removeprefix("queued:")
    assert drains.take(store, "web", "events", 0, job_id) is not None


def test_a_pause_of_an_hour_holds(store: Store) -> None:
    """The longest that an answer can ask for."""
    accept(store, "a")
    pause_until(store, HOUR_MS)

    assert numbers(store).resting_until_ms is not None
    assert wake.wake(store, "web") == 0
    assert drains.take(store, "web", "events", 0) is None


def test_no_pause_is_longer_than_an_hour_and_a_second(store: Store) -> None:
    """Whatever an answer asks for."""
    accept(store, "a")
    drain = take(store)

    assert drain.rest(Refused("rate_limited", "", Remedy.WAIT, wait_seconds=86_400)) == HOUR_MS + 1000
    assert numbers(store).resting_until_ms is not None


def test_the_time_of_the_first_failure_is_never_ahead(store: Store) -> None:
    """Else give_up_hours would begin only when the clock has caught up."""
    accept(store, "a")
    drain = take(store)
    store.client.hset("sd:web:events:rest", "since_ms", store.now_ms() + HOUR_MS)

    drain.rest(FAILED)

    assert int(store.client.hget("sd:web:events:rest", "since_ms")) <= store.now_ms()


def test_the_time_of_the_first_failure_stays(store: Store) -> None:
    """The refusals after it do not move it."""
    accept(store, "a")
    drain = take(store)
    store.client.hset("sd:web:events:rest", "since_ms", 1000)

    drain.rest(FAILED)

    assert store.client.hget("sd:web:events:rest", "since_ms") == b"1000"


def test_a_turn_to_watch_is_never_longer_than_a_second(store: Store) -> None:
    """Nobody else would wake paused lanes until the clock has caught up."""
    assert store.my_turn_to_watch("x")
    assert not store.my_turn_to_watch("x")
    store.client.pexpire("sd:watch:x", HOUR_MS)

    assert store.my_turn_to_watch("x")
    assert not store.my_turn_to_watch("x")


def test_a_message_with_an_id_ahead_of_the_clock_waits_since_it_was_accepted() -> None:
    """A stream's ids never go back, so those of new messages are ahead as well."""
    assert drains.Entry("2000-1", b"", 900).waits_since_ms(1000) == 900
    assert drains.Entry("1000-1", b"", 1).waits_since_ms(1000) == 1000
