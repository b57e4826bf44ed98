"""What another version of split-dest, or none, wrote into Redis is read, passed over, or refused in a sentence."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from split_dest.cli.outcomes import of_letter
from split_dest.config.settings import Settings
from split_dest.errors import REASONS, BookmarkMoved, Refused, Remedy, StoredUnreadable
from split_dest.inbox import dead_letters, drains, imports, intake, ledger, wake
from split_dest.inbox.drains import delivered
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.names import NameCache, Names
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import START_SECONDS, accept, accept_at, balance, numbers, take

PERIODS = "sd:web:seen:periods"
STREAM, DEAD, COUNTS, REST = "sd:web:events:stream", "sd:web:dead", "sd:web:counts", "sd:web:events:rest"
KEPT = {
    "asked_ms": 1,
    "traffic_types": {"user": "tt-1"},
    "environments": {"Production": "env-1"},
    "flags": {"flag": "user"},
    "absent": ["gone"],
    "offset": 50,
}


def put(store: Store, **fields: object) -> None:
    """Append an entry to the lane as another version would, counted as this one does."""
    store.client.xadd(STREAM, {name: str(value) for name, value in fields.items()})
    store.client.hincrby(COUNTS, "events:received", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"m": '{"a":1}', "t": 1_768_469_400_250},
        {"m": '{"a":1}', "t": 1_768_469_400_250, "f": 1},
        {"f": 1, "e": "webhook", "t": 1_768_469_400_250, "more": "", "m": '{"a":1}'},
    ],
    ids=["older", "ours", "newer, in another order"],
)
def test_a_message_of_another_version_is_read(store: Store, fields: Mapping[str, object]) -> None:
    """Fields that this version does not know, or that the older one did not write, change nothing."""
    put(store, **fields)
    drain = take(store)

    (entry,) = drain.claim(10)

    assert (entry.text, entry.accepted_ms) == (b'{"a":1}', 1_768_469_400_250)
    drain.settle([delivered(entry.id)])
    assert (numbers(store).delivered, balance(store)) == (1, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"m": "{}"},
        {"t": 1},
        {"x": "y"},
        {"m": "{}", "t": "now"},
        {"m": "{}", "t": "9" * 15},
        {"m": "{}", "t": "9" * 5000},
        {"m": "{}", "t": 1, "f": 2},
        {"m": "{}", "t": 1, "f": ""},
    ],
    ids=lambda fields: str(fields)[:40],
)
@pytest.mark.parametrize("most", [1, 100])
def test_a_message_that_cant_be_read_holds_up_no_other(store: Store, fields: dict[str, object], most: int) -> None:
    """It becomes a dead letter with a reason, wherever it stands, whole batches of it too; nothing raises."""
    for _ in range(3):
        put(store, **fields)
    accept(store, "a")
    put(store, **fields)
    drain = take(store)

    (entry,) = drain.claim(most)
    assert entry.text == b'{"messageId":"a"}'
    drain.settle([delivered(entry.id)])
    assert drain.claim(most) == []

    assert drain.release("empty")
    assert (numbers(store).delivered, numbers(store).dead, balance(store)) == (1, 4, 0)
    letters = list(dead_letters.browse(store, "web"))
    assert {(letter.reason, letter.is_readable) for letter in letters} == {
        ("entry_unreadable", fields.keys() <= {"m", "t"} and "m" in fields)
    }
    assert "entry_unreadable" in REASONS


def test_what_a_dead_drain_left_and_cant_be_read_is_finished(store: Store) -> None:
    """The former drain was of a newer version, and died with entries of that format."""
    put(store, m="{}", t=1, f=2)
    put(store, m="{}", t=1, f=2)
    accept(store, "a")
    store.client.xgroup_create(STREAM, "drains", "0")
    store.client.xreadgroup("drains", 0, {STREAM: ">"}, count=3)

    drain = take(store)

    assert [entry.text for entry in drain.claim(1)] == [b'{"messageId":"a"}']
    assert numbers(store).dead == 2


def test_what_is_stored_says_its_format(store: Store) -> None:
    """Messages and dead letters, also those that a drain makes and those that are put back."""
    accept(store, "a")
    accept(store, "b", reason="not_json")
    drain = take(store)
    (entry,) = drain.claim(1)
    drain.settle([drains.dead(entry.id, "record_refused")])
    letters = store.client.xrange(DEAD)
    dead_letters.replay(store, next(dead_letters.browse(store, "web")), "events", b"{}")

    stored = [fields for _, fields in [*letters, *store.client.xrange(STREAM)]]
    assert [fields[b"f"] for fields in stored] == [b"1"] * 3


@pytest.mark.parametrize(
    "fields",
    [
        {"m": "{}"},
        {"lane": "events"},
        {"x": b"\xff"},
        {"lane": "events", "m": "{}", "t": "?", "reason": "of_2031"},
        {"lane": "events", "m": "{}", "t": "9" * 5000},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_dead_letter_of_another_version_is_listed_replayed_and_dropped(
    store: Store, fields: dict[str, Any]
) -> None:
    """Whatever it left out; one whose text is not there can only be dropped."""
    for _ in range(2):
        store.client.xadd(DEAD, fields)
    one, two = dead_letters.browse(store, "web")

    assert dead_letters.find(store, "web", one.id) == one
    assert (one.lane, one.reason) == (fields.get("lane", ""), fields.get("reason", ""))
    assert one.accepted_ms == one.dead_ms
    assert one.is_readable == ("m" in fields)
    assert list(dead_letters.drop(store, [two])) == [True]
    assert dead_letters.replay(store, one, "events", b'{"messageId":"a"}')
    (entry,) = take(store).claim(10)
    assert (entry.text, entry.accepted_ms) == (b'{"messageId":"a"}', one.dead_ms)


def test_a_dead_letter_of_a_newer_format_is_left_to_it(store: Store) -> None:
    """Its text may mean something else there; replay says so and leaves it."""
    store.client.xadd(
        DEAD, {"lane": "events", "reason": "gave_up", "detail": "", "m": '{"type":"track"}', "t": 1, "f": 2}
    )
    (letter,) = dead_letters.browse(store, "web")

    result = of_letter(letter, Settings())

    assert (result.verb, result.code) == ("refused again", "entry_unreadable")
    assert orjson.loads(letter.text)["m"] == '{"type":"track"}'


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "7",
        "null",
        "[]",
        '["asked_ms"]',
        "{}",
        *(
            orjson.dumps(KEPT | changed).decode()
            for changed in (
                {"asked_ms": "1"},
                {"asked_ms": True},
                {"offset": None},
                {"flags": ["flag"]},
                {"flags": {"flag": 7}},
                {"absent": "gone"},
                {"absent": [[]]},
                {"traffic_types": None},
            )
        ),
    ],
)
def test_names_that_cant_be_read_are_asked_for_again(store: Store, text: str) -> None:
    """As if they had never been asked for, and kept in their place."""
    cache = NameCache(store, "web", "account")
    store.client.set("sd:web:account:names", text)

    assert cache.load() is None
    cache.save(Names(5))
    assert cache.load() == Names(5)


def test_names_of_another_version_are_read(store: Store) -> None:
    """Fields that this version does not know change nothing; those that an older one did not write are empty."""
    cache = NameCache(store, "web", "account")

    store.client.set("sd:web:account:names", orjson.dumps(KEPT | {"segments": {}, "format": 1}))
    assert cache.load() == Names(**KEPT)
    store.client.set("sd:web:account:names", orjson.dumps({"asked_ms": 1}))
    assert cache.load() == Names(1)


def test_the_older_version_reads_our_names(store: Store) -> None:
    """It knows these fields, takes them as they are, and stumbles over any other."""
    NameCache(store, "web", "account").save(Names(**KEPT))

    assert orjson.loads(store.client.get("sd:web:account:names")) == KEPT


def spoil(store: Store) -> None:
    """Write what is no number into every number that accept, drains and the ledger read."""
    counts = dict.fromkeys(("received", "delivered", "dead", "oldest_ms", "filtered:page_unnamed"), "many")
    store.client.hset(COUNTS, mapping={f"events:{name}": text for name, text in counts.items()})
    store.client.hset(REST, mapping={"until_ms": "later", "refusals": "9" * 5000, "since_ms": "long ago"})
    store.client.hset("sd:web:events:drain:0:mapping", mapping={"deaths": "none", "open": 1})
    store.client.hset("sd:forbidden", "job_function", "9" * 5000)
    store.client.hset(COUNTS, b"events:filtered:\xff", "1")
    store.client.set("sd:limited", "1.5")
    store.client.hset(
        "sd:refused", mapping={"web": 1, "web unauthorized": "x", "web not_found a b": 2, "web busy last_ms": "?"}
    )
    store.client.hset(PERIODS, mapping={"1": "soon", "of 2031": "1 2 3"})


def test_numbers_that_are_none_count_as_nothing(store: Store) -> None:
    """The ledger is shown, messages are accepted and delivered, and their numbers count from then on."""
    spoil(store)
    taken = ledger.read(store, ["web"])
    assert (taken.limited, taken.forbidden) == (0, {"job_function": 0})
    assert {place: refused.requests for place, refused in taken.refused.items()} == {("web", "unauthorized"): 0}
    assert numbers(store).received == numbers(store).delivered == 0

    assert accept(store, "a", "b").asleep == {"events"}
    assert accept(store, "a").duplicates == 1
    assert wake.wake(store, "web", ["events"]) == 1
    drain = drains.take(store, "web", "events", 1)
    assert drain is not None
    assert drain.refused_since_ms() is None
    drain.settle([delivered(entry.id) for entry in drain.claim(10)])
    drain.rest(Refused("upstream_error", "POST: 503", Remedy.WAIT))

    lane = numbers(store)
    assert (lane.received, lane.delivered, lane.pending, lane.refusals) == (3, 2, 0, 1)
    ledger.add_refused(store, {("web", "unauthorized"): 3})
    assert ledger.read(store, ["web"]).refused["web", "unauthorized"].requests == 3


def test_a_rest_without_its_reason_is_shown(store: Store) -> None:
    """A version that names its reason otherwise paused the lane."""
    store.client.hset(REST, "until_ms", store.now_ms() + 60_000)

    assert (numbers(store).resting_reason, numbers(store).refusals) == ("", 0)


def test_periods_that_cant_be_read_count_for_one_more_window(store: Store) -> None:
    """Their claims are not forgotten by the next period, and then leave the list as any other."""
    assert accept_at(store, 0, "a", 24)
    (period,) = store.client.hkeys(PERIODS)
    store.client.hset(PERIODS, period, "of 2031")

    assert accept_at(store, 7, "b", 24)
    assert not accept_at(store, 8, "a", 24)

    in_seven_hours = (START_SECONDS + 7 * 3600) * 1000
    assert store.client.hget(PERIODS, period) == b"%d %d" % (in_seven_hours, in_seven_hours + 86_400_000)
    assert accept_at(store, 32, "c", 24)
    assert not store.client.hexists(PERIODS, period)


@pytest.mark.parametrize("kept", ["", "5", "five 1 2 3", '{"line": 5}'])
def test_a_bookmark_of_another_version_is_refused_in_a_sentence(store: Store, kept: str) -> None:
    """Where its file was left is not known; the text says what to do, and no step is stored."""
    store.client.hset("sd:web:imports", "file", kept)

    with pytest.raises(StoredUnreadable, match="at the first line after HDEL sd:web:imports file in Redis"):
        imports.begin(store, "web", "file")
    with pytest.raises(BookmarkMoved):
        intake.accept_marked(
            store, [Item(("events",), "a", b"{}")], AcceptOptions("web", 0), Bookmark("file", 0, 1)
        )


def test_a_bookmark_with_more_parts_is_read(store: Store) -> None:
    """A newer version may keep more behind those that this one knows."""
    store.client.hset("sd:web:imports", "file", "5 1 2 3 and more")
    items = [Item(("events",), "a", b"{}")]

    assert imports.begin(store, "web", "file") == 5
    assert intake.accept_marked(store, items, AcceptOptions("web", 0), Bookmark("file", 5, 6)).accepted == 1
    assert imports.begin(store, "web", "file") == 6


def test_a_bookmark_of_the_version_before_is_not_passed_over(store: Store) -> None:
    """It named files by their size and ends, so whether it is this file's is not known."""
    ends, whole = "e" * 32, "w" * 32
    store.client.hset("sd:web:imports", ends, "5 1 2 3")

    with pytest.raises(StoredUnreadable, match="An earlier version of split-dest has not finished"):
        imports.begin(store, "web", ends + whole)

    assert store.client.hgetall("sd:web:imports") == {ends.encode(): b"5 1 2 3"}
    store.client.hdel("sd:web:imports", ends)
    assert imports.begin(store, "web", ends + whole) == 0
