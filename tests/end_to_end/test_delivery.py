"""From the webhook to Split, with real processes: what arrives, and what happens while Split refuses."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from split_dest.inbox import dead_letters
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks


def keys(sandbox: Sandbox) -> Counter[str]:
    """Gives how often an event of each key came."""
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

    assert sandbox.counts()["calls"]["events"] == {"202": 2}


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


def test_while_split_is_away_messages_wait_and_then_arrive_once(service: Service, sandbox: Sandbox) -> None:
    """Split answers 503 for two seconds: the lane rests, and nothing is lost or doubled."""
    sandbox.faults({"api": "events", "status": 503, "seconds": 2})
    service.post(tracks(50))

    service.wait_until(lambda: service.lane().refusals > 0)
    service.wait_until(lambda: service.lane().delivered == 50, 60)

    assert keys(sandbox) == Counter(f"u-{n}" for n in range(50))


def test_a_given_wait_is_kept(service: Service, sandbox: Sandbox) -> None:
    """After 429 with Retry-After: 3, no call comes before three seconds are over."""
    sandbox.faults({"api": "events", "status": 429, "retryAfter": 3, "times": 1})
    service.post(tracks(1))
    service.wait_until(lambda: service.lane().resting_reason == "rate_limited")
    refused = time.monotonic()

    service.wait_until(lambda: service.lane().delivered == 1)

    assert 2.5 < time.monotonic() - refused < 8
    assert sandbox.counts()["calls"]["events"] == {"429": 1, "202": 1}


def test_the_larger_reset_of_the_admin_api_is_kept(service: Service, sandbox: Sandbox) -> None:
    """A rate limit told by two headers of the Admin API rests the lane until the larger one."""
    headers = {"X-RateLimit-Reset-Seconds-Org": "1", "X-RateLimit-Reset-Seconds-IP": "3"}
    sandbox.faults({"api": "identities", "status": 429, "headers": headers, "times": 1})
    service.post({"type": "identify", "userId": "u-1", "traits": {"plan": "gold"}})
    service.wait_until(lambda: service.lane("identities").resting_reason == "rate_limited")
    refused = time.monotonic()

    service.wait_until(lambda: service.lane("identities").delivered == 1)

    assert time.monotonic() - refused > 2.5


def test_one_refused_event_of_a_thousand_is_found_and_set_aside(service: Service, sandbox: Sandbox) -> None:
    """Split refuses every call that holds one event: 999 arrive once, one is a dead letter."""
    sandbox.faults({"api": "events", "status": 400, "containing": '"u-617"'})
    service.post(tracks(1000))

    service.wait_until(lambda: service.lane().pending == 0)

    assert keys(sandbox) == Counter(f"u-{n}" for n in range(1000) if n != 617)
    (letter,) = dead_letters.browse(service.store, "web")
    assert letter.reason == "record_refused"
    assert b'"u-617"' in letter.text
    assert service.lane().delivered == 999


def test_a_wrong_key_burns_no_message(service: Service, sandbox: Sandbox) -> None:
    """Split answers 401: the lane rests with the reason, and goes on when the key is right."""
    sandbox.faults({"api": "events", "status": 401})
    service.post(tracks(5))

    service.wait_until(lambda: service.lane().resting_reason == "key_refused")

    assert service.lane().pending == 5
    assert '"event":"lane_rests"' in service.log("worker")
    sandbox.faults()
    service.wait_until(lambda: service.lane().delivered == 5, 60)


@pytest.mark.parametrize(
    "fault",
    [{"drop": True}, {"delayMs": 4000}, {"status": 500, "body": "<html>"}, {"status": 301}],
    ids=["dropped", "hangs", "garbage", "redirects"],
)
def test_any_other_trouble_is_tried_again(service: Service, sandbox: Sandbox, fault: dict[str, object]) -> None:
    """Whatever else Split does, the message arrives in the end."""
    sandbox.faults({"api": "events", "times": 1} | fault)

    service.post(tracks(3))
    service.wait_until(lambda: service.lane().delivered == 3, 40)

    assert set(keys(sandbox)) == {"u-0", "u-1", "u-2"}


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
