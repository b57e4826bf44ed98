"""Merging the identities of one key."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.split.merging import Merged, bulks, merge, runs
from split_dest.split.records import Identity

Placed = tuple[str, Identity]


def user(time_ms: int, key: str = "u1", traffic_type: str = "user", **values: str) -> Identity:
    """Return an identity with these attributes."""
    return Identity(traffic_type, key, values, time_ms)


def test_older_attributes_stay_and_newer_win():
    """The merged attributes are those that Split would have after one PATCH after the other."""
    older, newer = user(1, plan="free", name="Peter"), user(2, plan="pro", logins="5")

    (merged,) = merge([("1-0", older), ("2-0", newer)], keep_older=True)

    assert merged == Merged(user(2, plan="pro", name="Peter", logins="5"), ("1-0", "2-0"))


def test_only_the_newest_counts_when_identities_are_replaced():
    """With replacing, the attributes are those that Split would have after one POST after the other."""
    older, newer = user(1, plan="free", name="Peter"), user(2, plan="pro")

    (merged,) = merge([("1-0", older), ("2-0", newer)], keep_older=False)

    assert merged == Merged(newer, ("1-0", "2-0"))


@pytest.mark.parametrize("times", [(1, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("keep_older", [True, False])
def test_nothing_is_not_written_over_something(keep_older: bool, times: tuple[int, int]):
    """An identity without attributes leaves those of another, whichever is newer."""
    (merged,) = merge([("1-0", user(times[0], plan="pro")), ("2-0", user(times[1]))], keep_older=keep_older)

    assert merged.identity.values == {"plan": "pro"}
    assert merged.identity.timestamp_ms == max(times)
    assert merged.entry_ids == ("1-0", "2-0")


@pytest.mark.parametrize("keep_older", [True, False])
def test_the_time_decides_not_the_place(keep_older: bool):
    """A late message does not undo a newer one."""
    newer, older = user(2, plan="pro"), user(1, plan="free")

    (merged,) = merge([("1-0", newer), ("2-0", older)], keep_older=keep_older)

    assert merged.identity == newer
    assert merged.entry_ids == ("1-0", "2-0")


@pytest.mark.parametrize("keep_older", [True, False])
def test_of_equal_times_the_later_place_wins(keep_older: bool):
    """Two calls of one millisecond are applied in the order they were stored."""
    (merged,) = merge([("1-0", user(1, plan="free")), ("1-1", user(1, plan="pro"))], keep_older=keep_older)

    assert merged.identity.values == {"plan": "pro"}


def test_other_keys_and_traffic_types_stay_apart():
    """Only the same key of the same traffic type is one identity."""
    identities = [user(1), user(2, key="u2"), user(3, traffic_type="account"), user(4)]

    merged = merge([(str(n), identity) for n, identity in enumerate(identities)], keep_older=True)

    assert [(each.identity, each.entry_ids) for each in merged] == [
        (user(4), ("0", "3")),
        (user(2, key="u2"), ("1",)),
        (user(3, traffic_type="account"), ("2",)),
    ]


def test_a_message_that_became_one_key_twice_is_named_once():
    """A message is settled once, however many of its identities were merged."""
    (merged,) = merge([("1-0", user(1, a="1")), ("1-0", user(1, b="2"))], keep_older=True)

    assert merged == Merged(user(1, a="1", b="2"), ("1-0",))


def test_nothing_merges_to_nothing():
    """An empty batch makes no call."""
    assert merge([], keep_older=True) == []


@st.composite
def _identities(draw: st.DrawFn) -> list[Placed]:
    values = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))
    keys = st.tuples(st.sampled_from(["user", "account"]), st.sampled_from(["k1", "k2"]))
    result = draw(
        st.lists(st.tuples(st.integers(1, 10**6), keys, values), max_size=8, unique_by=lambda one: one[0])
    )
    return [(f"{n}-0", Identity(*key, value, time_ms)) for n, (time_ms, key, value) in enumerate(result)]


def _states(identities: list[Placed], keep_older: bool) -> dict[tuple[str, str], dict[str, str]]:
    """Return what Split should have of the identities by their times; one without attributes changes nothing."""
    held: dict[tuple[str, str], dict[str, str]] = {}
    for _, one in sorted(identities, key=lambda placed: placed[1].timestamp_ms):
        place = (one.traffic_type, one.key)
        held[place] = {**held.get(place, {}), **one.values} if keep_older else one.values or held.get(place, {})
    return held


def _contents(merged: list[Merged]) -> dict[tuple[str, str], tuple[Identity, frozenset[str]]]:
    return {
        (each.identity.traffic_type, each.identity.key): (each.identity, frozenset(each.entry_ids))
        for each in merged
    }


@given(_identities(), st.booleans())
def test_merged_identities_leave_split_as_single_ones_would(identities: list[Placed], keep_older: bool):
    """One call per key leaves the attributes that a call for each message would have left."""
    merged = merge(identities, keep_older=keep_older)

    held = {(each.identity.traffic_type, each.identity.key): each.identity.values for each in merged}
    assert held == _states(identities, keep_older)
    assert len(held) == len(merged)


@given(_identities(), st.booleans(), st.integers())
def test_the_order_of_messages_does_not_matter(identities: list[Placed], keep_older: bool, seed: int):
    """The order of messages with different times does not matter."""
    expected = _contents(merge(identities, keep_older=keep_older))

    chance = random.Random(seed)
    for _ in range(100):
        chance.shuffle(identities)
        assert _contents(merge(identities, keep_older=keep_older)) == expected


def removal(time_ms: int) -> Identity:
    """Return the deletion of the same key."""
    return Identity("user", "u1", None, time_ms)


@pytest.mark.parametrize("keep_older", [True, False])
def test_a_deletion_takes_all_that_stands_before_it(keep_older: bool):
    """A message before a deletion is not written, whatever its time."""
    (merged,) = merge([("1-0", user(9, plan="pro")), ("2-0", removal(1))], keep_older=keep_older)

    assert merged == Merged(removal(1), ("1-0", "2-0"))


@pytest.mark.parametrize("keep_older", [True, False])
def test_what_follows_a_deletion_replaces_all(keep_older: bool):
    """Only messages after the last deletion are written, and they replace what Split has."""
    placed = [("1-0", user(1, a="1")), ("2-0", removal(2)), ("3-0", user(3, b="2")), ("4-0", removal(4))]
    placed += [("5-0", user(6, c="3")), ("6-0", user(5, c="0", d="4"))]

    (merged,) = merge(placed, keep_older=keep_older)

    values = {"c": "3", "d": "4"} if keep_older else {"c": "3"}
    assert merged == Merged(user(6, **values), tuple(place for place, _ in placed), replaces=True)


def test_one_call_writes_one_traffic_type_and_not_too_many():
    """Each group is of one type, in the order of the types, and none is over the limit."""
    merged = merge([(str(n), user(n, f"u{n}", "b" if n % 2 else "a")) for n in range(7)], keep_older=True)

    groups = [[each.identity.key for each in group] for group in bulks(merged, 3, 1000)]

    assert groups == [["u0", "u2", "u4"], ["u6"], ["u1", "u3", "u5"]]


def test_one_call_is_so_short_that_its_answer_can_be_read():
    """Split's answer repeats all of them: they are counted by length too, and a longer one stands alone."""
    long = {1: 60, 2: 30, 3: 20, 4: 200, 5: 10}
    merged = merge([(str(n), user(n, f"u{n}", v="x" * chars)) for n, chars in long.items()], keep_older=True)

    groups = [[each.identity.key for each in group] for group in bulks(merged, 3, 100)]

    assert groups == [["u1", "u2"], ["u3"], ["u4"], ["u5"]]


def test_nothing_makes_no_group():
    """And no call."""
    assert list(bulks([], 10, 1000)) == []


def test_runs_keep_all_in_their_order():
    """The last slice is what is left."""
    found = [Merged(user(1, key=f"u{number}"), (f"{number}-0",)) for number in range(5)]

    slices = list(runs(found, 2))

    assert [len(each) for each in slices] == [2, 2, 1]
    assert [one for each in slices for one in each] == found
