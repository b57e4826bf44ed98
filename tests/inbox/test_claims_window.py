"""How long claims last: at least as long as every window that was set meanwhile, and never for good."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from split_dest.errors import StoreUnavailable
from split_dest.inbox import imports, intake
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import START_SECONDS, accept, accept_at, at, balance

PERIODS = "sd:web:seen:periods"
WINDOWS = (0.5, 24, 30, 48, 720)


@pytest.mark.parametrize(
    ("first", "second", "hours"),
    [(24, 48, 1.5), (24, 48, 20), (48, 24, 1.5), (48, 24, 20), (24, 720, 20), (720, 24, 20), (24, 25, 20)],
)
def test_a_changed_window_forgets_nothing_that_is_within_both(
    store: Store, first: float, second: float, hours: float
) -> None:
    """Segment tries again for hours, whatever is set meanwhile."""
    assert accept_at(store, 1, "a", first)

    assert not accept_at(store, hours, "a", second)
    assert not accept_at(store, hours, "a", first)
    assert balance(store) == 0


def test_a_window_that_was_turned_off_and_on_again_forgets_nothing(store: Store) -> None:
    """While it is off every message counts, and claims nothing."""
    assert accept_at(store, 1, "a", 24)
    assert [accept_at(store, 2, each, 0) for each in ("a", "a", "b")] == [True] * 3

    assert [accept_at(store, 3, each, 24) for each in ("a", "b", "b")] == [False, True, False]


def test_processes_of_two_windows_know_each_others_claims(store: Store) -> None:
    """During a reload both are at work."""
    for hour in range(1, 40):
        mine, other = (24, 48) if hour % 2 else (48, 24)

        assert accept_at(store, hour, f"m-{hour}", mine)
        assert not accept_at(store, hour, f"m-{hour}", other)


@pytest.mark.parametrize(("first", "second"), [(24, 24), (48, 24), (24, 48)])
def test_a_claim_ends_with_the_smaller_window(store: Store, first: float, second: float) -> None:
    """Some hours later at most, while messages come."""
    assert accept_at(store, 1, "a", first)
    for hour in range(1, 44):
        accept_at(store, hour, f"m-{hour}", second)
        if hour < 25:
            assert not accept_at(store, hour, "a", second)

    # Redis's own clock did not move, so the claim is still there; but accept does not look for it any more.
    assert accept_at(store, 44, "a", second)


def test_a_clock_that_is_put_back_forgets_nothing(store: Store) -> None:
    """What was claimed then counts as if it were now."""
    assert accept_at(store, 30, "a", 24)

    assert not accept_at(store, 10, "a", 24)
    assert accept_at(store, 10, "b", 24)
    assert not accept_at(store, 30, "b", 24)


steps = st.lists(
    st.tuples(st.sampled_from([0.1, 1, 3, 6, 13]), st.sampled_from("abc"), st.sampled_from([0, *WINDOWS])),
    max_size=12,
)


@given(steps=steps)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_is_stored_twice_within_all_windows(
    store: Store, steps: list[tuple[float, str, float]]
) -> None:
    """However the window changes between them."""
    store.client.flushall()
    now, claims, windows = 0.0, {}, []
    for hours, message_id, window in steps:
        now += hours
        windows.append(window)
        stored = accept_at(store, now, message_id, window)

        came, since = claims.get(message_id, (now, len(windows)))
        smallest = min(windows[since - 1 :])
        if message_id in claims and now - came < smallest:
            assert not stored
        if stored and window:
            claims[message_id] = (now, len(windows))


def test_the_list_of_periods_is_short_and_goes_with_its_claims(store: Store) -> None:
    """It holds a window's periods, and expires when the last of their claims does."""
    for hour in range(0, 400, 2):
        accept_at(store, hour, f"m-{hour}", 24)
        assert store.client.hlen(PERIODS) <= 5

    keys = [key for key in store.client.keys("sd:web:seen:*") if key != PERIODS.encode()]
    lasting_ms = [store.client.pttl(key) for key in keys]
    assert len(lasting_ms) == 200
    assert min(lasting_ms) > 0
    assert abs(store.client.pttl(PERIODS) - max(lasting_ms)) < 100


@pytest.mark.parametrize("window", WINDOWS)
def test_redis_keeps_a_claim_for_the_window_at_least(store: Store, window: float) -> None:
    """And a quarter of it longer at most."""
    for hours in (0, window / 4 - 0.01):
        store.client.flushall()
        accept_at(store, hours, "a", window)

        seconds, _ = store.client.time()
        for key in store.client.keys("sd:web:seen:*"):
            kept_hours = (seconds + store.client.pttl(key) / 1000 - START_SECONDS) / 3600 - hours
            assert window - 0.01 <= kept_hours <= window * 1.25 + 0.01


def test_a_smaller_window_does_not_end_the_list_early(store: Store) -> None:
    """Periods of a larger window last longer than the one that is listed last."""
    accept_at(store, 1, "a", 720)
    before = store.client.pttl(PERIODS)

    accept_at(store, 2, "b", 24)

    assert abs(store.client.pttl(PERIODS) - before) < 1000
    assert not accept_at(store, 400, "a", 720)


def test_a_full_redis_refuses_the_first_claim_of_a_period(store: Store) -> None:
    """Nothing is half stored: neither the period nor the claim."""
    store.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable) as told:
            accept(store, "a")
    finally:
        store.client.config_set("maxmemory", 0)

    assert told.value.code == "store_full"
    assert store.client.keys("sd:*") == []


def test_a_step_with_a_bookmark_claims_under_any_window(store: Store) -> None:
    """Asked again it stores nothing; another file with the same messages finds their claims."""
    items = [Item(("events",), f"m-{n}", b"{}") for n in range(3)]
    for file in ("one", "two"):
        imports.begin(store, "web", file)

    def move(hours: float, window: float, file: str) -> Receipt:
        options, bookmark = AcceptOptions("web", window), Bookmark(file, 0, 3)
        return intake.accept_marked(at(store, hours), items, options, bookmark)

    assert [move(1, 24, "one"), move(2, 48, "one")] == [Receipt(3, 0, 0)] * 2
    assert move(20, 48, "two") == Receipt(0, 3, 0)
    assert balance(store) == 0


def test_a_claim_is_found_again_when_too_few_replicas_had_it(store: Store) -> None:
    """With wait_replicas the sender's next try is a duplicate, in a new period as well."""
    item = Item(("events",), "a", b"{}")
    with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
        intake.accept(at(store, 1), [item], AcceptOptions("web", 24, wait_replicas=1))

    assert not accept_at(store, 8, "a", 48)
