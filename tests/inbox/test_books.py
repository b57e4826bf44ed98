"""Dead letters, and books that always balance."""

import time

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from split_dest.errors import Refused, Remedy
from split_dest.inbox import dead_letters, drains, ledger
from split_dest.inbox.drains import delivered, filtered
from split_dest.inbox.store import Store
from tests.support.steps import accept, balance, leave_dead, numbers, take


def test_a_replayed_letter_waits_again_and_a_dropped_one_counts_as_filtered(store: Store) -> None:
    """The books balance whatever a person does with a dead letter, and doing it twice changes nothing."""
    accept(store, "a", "b", reason="message_too_large", detail="40000 bytes")
    one, two = dead_letters.browse(store, "web")

    assert dead_letters.replay(store, one, "identities", b"{}")
    assert not dead_letters.replay(store, one, "identities", b"{}")
    assert list(dead_letters.drop(store, [two, two])) == [True, False]

    taken = ledger.read(store, ["web"]).lanes
    assert (taken["web", "events"].filtered, taken["web", "events"].received) == ({"dropped": 1}, 1)
    assert (taken["web", "identities"].pending, taken["web", "identities"].received) == (1, 1)
    assert dead_letters.find(store, "web", one.id) is None


def test_dead_letters_are_listed_by_reason_and_time_over_many_pages(store: Store) -> None:
    """A list of more than a page is complete and in order; filters hold."""
    accept(store, *(f"a-{n}" for n in range(1200)), reason="message_too_large")
    middle = store.now_ms() + 1
    time.sleep(0.01)
    accept(store, *(f"b-{n}" for n in range(30)), reason="id_not_string")

    everything = list(dead_letters.browse(store, "web"))

    assert [letter.id for letter in everything] == sorted(
        (letter.id for letter in everything), key=lambda each: tuple(map(int, each.split("-")))
    )
    assert len(everything) == 1230
    assert len(list(dead_letters.browse(store, "web", reason="id_not_string"))) == 30
    assert len(list(dead_letters.browse(store, "web", since_ms=middle))) == 30
    assert len(list(dead_letters.browse(store, "web", until_ms=middle))) == 1200


steps = st.lists(st.sampled_from(["accept", "again", "bad", "deliver", "filter", "die", "rest", "replay", "drop"]))


@given(steps=steps)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_books_balance_after_any_steps(store: Store, steps: list[str]) -> None:
    """Received = delivered + filtered + duplicate + pending + dead, whatever happens in whatever order."""
    store.client.flushall()
    for n, step in enumerate(steps):
        act(store, step, n)

        assert balance(store) == 0


def act(store: Store, step: str, n: int) -> None:
    """Do one step of a lane's life."""
    if step in ("accept", "again"):
        accept(store, f"m-{n}" if step == "accept" else "same", "same")
    elif step == "bad":
        accept(store, f"m-{n}", reason="id_not_string")
    elif step in ("replay", "drop"):
        for letter in list(dead_letters.browse(store, "web"))[:1]:
            if step == "drop":
                list(dead_letters.drop(store, [letter]))
            else:
                dead_letters.replay(store, letter, "events", b"{}")
    else:
        drain_step(store, step)


def drain_step(store: Store, step: str) -> None:
    """Do one step of a drain's life."""
    drain = drains.take(store, "web", "events", 0)
    if drain is None:
        store.client.delete("sd:web:events:rest")
        return
    entries = drain.claim(2)
    if step == "die":
        leave_dead(store, drain)
        return
    if step == "rest":
        drain.rest(Refused("upstream_error", "503", Remedy.WAIT, wait_seconds=60))
        return
    make = delivered if step == "deliver" else lambda entry_id: filtered(entry_id, "page_unnamed")
    drain.settle([make(entry.id) for entry in entries[:1]])
    drain.release("away")


def test_the_oldest_messages_age_is_told_without_reading_it(store: Store) -> None:
    """It is the age of the first that waits, and goes on with the next when that is settled."""
    accept(store, "a")
    time.sleep(0.3)
    accept(store, "b")
    drain = take(store)
    first, _ = drain.claim(10)
    before = numbers(store).oldest_seconds

    drain.settle([delivered(first.id)])

    assert before >= 0.3
    assert numbers(store).oldest_seconds < before - 0.2


def test_many_letters_are_dropped_in_few_round_trips(store: Store) -> None:
    """A hundred in each; every one is counted, and one that is gone already is told."""
    for n in range(250):
        accept(store, f"m-{n}", reason="id_not_string")
    letters = list(dead_letters.browse(store, "web"))
    reads_before = int(store.client.info("stats")["total_reads_processed"])

    dropped = list(dead_letters.drop(store, [*letters, letters[0]]))

    assert dropped == [True] * 250 + [False]
    assert int(store.client.info("stats")["total_reads_processed"]) - reads_before < 25
    lane = ledger.read(store, ["web"]).lanes["web", "events"]
    assert (lane.dead, lane.filtered) == (0, {"dropped": 250})
