"""From the webhook to Split, with real processes: what arrives, and what happens while Split refuses."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from split_dest.inbox import dead_letters
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks


@pytest.fixture(scope="module")
def at_work(make_lasting_service: Callable[..., Service]) -> Service:
    """The whole service: one web process and two workers."""
    made = make_lasting_service()
    made.start_web()
    made.start_workers()
    return made


@pytest.fixture
def service(at_work: Service, sandbox: Sandbox) -> Service:
    """The same processes with nothing received."""
    del sandbox
    at_work.forget()
    return at_work


def keys(sandbox: Sandbox) -> Counter[str]:
    """Return how often an event of each key came."""
    return Counter(event["key"] for event in sandbox.received("events"))


def test_a_message_becomes_an_event_well_within_a_second(service: Service, sandbox: Sandbox) -> None:
    """Segment posts one track call, and Split has the event at once."""
    service.post(tracks(1)).json()

    took = service.wait_until(lambda: service.lane().delivered == 1)

    assert took < 1
    assert sandbox.received("events") == [
        {
            "eventTypeId": "Tried",
            "trafficTypeName": "user",
            "key": "u-0",
            "timestamp": 1768469400250,
            "value": None,
            "properties": {"number": 0},
        }
    ]


def test_messages_travel_in_bulk(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """Two thousand waiting messages need a few calls, each of at most a thousand events."""
    service = make_service()
    service.start_web()
    service.post(tracks(2000))

    service.start_workers(1)
    service.wait_until(lambda: service.lane().delivered == 2000)

    # A drain's first batch is smaller than the others.
    assert sandbox.counts()["calls"]["events"] == {"202": 3}


def test_traits_of_one_key_become_one_call_and_the_later_time_wins(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Three identify calls that wait together, out of order, leave what the latest of them says."""
    service = make_service()
    service.start_web()
    for n, plan in ((2, "gold"), (3, "platinum"), (1, "free")):
        traits = {"plan": plan, f"seen_{n}": True}
        at = f"2026-01-15T09:30:0{n}Z"
        service.post({"type": "identify", "userId": "u/1", "messageId": plan, "timestamp": at, "traits": traits})

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").delivered == 3)

    (identity,) = sandbox.received("identities")
    assert identity["key"] == "u/1"
    assert identity["values"] == {"plan": "platinum", "seen_1": "true", "seen_2": "true", "seen_3": "true"}


def test_replace_mode_writes_in_bulk_and_sets_aside_what_split_lists_as_failed(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """A 200 that reports one identity as failed settles the others."""
    sandbox.faults({"api": "identities", "failKeys": ["u-1"], "status": 400})
    service = make_service("    identify: {mode: replace}\n")
    service.start_web()
    service.post(
        [{"type": "identify", "userId": f"u-{n}", "messageId": f"i-{n}", "traits": {"n": n}} for n in range(3)]
    )

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").pending == 0)

    assert {identity["key"] for identity in sandbox.received("identities")} == {"u-0", "u-2"}
    (letter,) = dead_letters.browse(service.store, "web")
    assert (letter.reason, letter.lane) == ("record_refused", "identities")
    assert service.lane("identities").delivered == 2


def test_the_larger_reset_of_the_admin_api_is_kept(service: Service, sandbox: Sandbox) -> None:
    """A rate limit told by two headers of the Admin API rests the lane until the larger one."""
    headers = {"X-RateLimit-Reset-Seconds-Org": "1", "X-RateLimit-Reset-Seconds-IP": "3"}
    sandbox.faults({"api": "identities", "status": 429, "headers": headers, "times": 1})
    service.post({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}})
    service.wait_until(lambda: service.lane("identities").resting_reason == "rate_limited")
    refused = time.monotonic()

    service.wait_until(lambda: service.lane("identities").delivered == 1)

    assert time.monotonic() - refused > 2.5


def test_one_refused_event_of_a_thousand_is_found_however_slow_split_is(
    service: Service, sandbox: Sandbox
) -> None:
    """The search for it takes longer than a drain's turn: 999 arrive once, one is a dead letter."""
    sandbox.faults({"api": "events", "status": 400, "containing": '"u-0"', "delayMs": 600})
    service.post(tracks(1000))

    service.wait_until(lambda: service.lane().pending == 0, 90)

    assert keys(sandbox) == Counter(f"u-{n}" for n in range(1, 1000))
    (letter,) = dead_letters.browse(service.store, "web")
    assert letter.reason == "record_refused"
    assert b'"u-0"' in letter.text
    assert service.lane().delivered == 999


def test_a_lane_that_rests_holds_up_no_other(service: Service, sandbox: Sandbox) -> None:
    """While events are refused, identities are delivered."""
    sandbox.faults({"api": "events", "status": 503})
    service.post(tracks(5))
    service.wait_until(lambda: service.lane().refusals > 0)

    service.post({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}})
    took = service.wait_until(lambda: service.lane("identities").delivered == 1)

    assert took < 2


def test_a_message_nobody_could_deliver_in_time_is_kept_as_a_dead_letter(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """After give_up_hours of refusals the message is set aside with the last reason, not dropped."""
    sandbox.faults({"api": "events", "status": 503})
    service = make_service()
    service.change("delivery: {", "delivery: {give_up_hours: 0.0003, ")
    service.start_web()
    service.start_workers(1)

    service.post(tracks(2))
    service.wait_until(lambda: service.lane().dead == 2, 30)

    letters = list(dead_letters.browse(service.store, "web"))
    assert [letter.reason for letter in letters] == ["gave_up", "gave_up"]
    assert "503" in letters[0].detail
