"""Flags whose traffic type must be asked for, and what happens while Split does not tell."""

from collections.abc import Callable
from typing import Any

import pytest

from split_dest.inbox.names import NameCache, Names
from split_dest.outlets.split_admin import Account
from tests.end_to_end.test_impressions import ENDPOINT, SOURCE, delivered, impression
from tests.support.sandbox import ADMIN_KEY, Sandbox
from tests.support.service import Service


@pytest.fixture
def flags(make_service: Callable[..., Service], sandbox: Sandbox) -> Service:
    """A service with a source; its workers are started by the test."""
    service = make_service(SOURCE.format(sandbox=sandbox.url))
    service.start_web()
    return service


def post(service: Service, *impressions: dict[str, Any]) -> None:
    """Post impressions as Split does."""
    assert service.post(list(impressions), ENDPOINT).status == 200


@pytest.mark.parametrize("status", [401, 503])
def test_refused_look_ups_set_nothing_aside(flags: Service, sandbox: Sandbox, status: int) -> None:
    """However often Split refuses to tell, no impression is to blame; then all arrive."""
    sandbox.faults({"api": "admin", "status": status, "times": 4})
    post(flags, *(impression(n) for n in range(20)))

    flags.start_workers(1)
    flags.wait_until(lambda: flags.lane("tracks", "flags").delivered == 20, 90)

    assert flags.lane("tracks", "flags").dead == 0
    assert sandbox.counts()["calls"]["admin"] == {str(status): 4, "200": 1}


def test_a_new_flag_is_waited_for(flags: Service, sandbox: Sandbox) -> None:
    """A flag that Split has only since it was asked last is asked for within seconds, not guessed."""
    account = Account(f"{sandbox.url}/internal/api/v2", ADMIN_KEY, "authorization", "ws-1")
    cache = NameCache(flags.store, "flags", account.digest)
    cache.save(Names(flags.store.now_ms(), flags={"other": "user"}))
    post(flags, impression(1))

    flags.start_workers(1)
    flags.wait_until(lambda: flags.lane("tracks", "flags").resting_reason == "flag_awaited")
    delivered(flags, 1)

    (track,) = sandbox.received("tracks")
    assert track["userId"] == "u-1"


def test_a_flag_that_split_does_not_have_holds_up_no_other(flags: Service, sandbox: Sandbox) -> None:
    """It is asked for once, then counted; the rest goes on without a call."""
    flags.start_workers(1)
    post(flags, impression(1), impression(2, split="nobodys"))
    flags.wait_until(lambda: flags.lane("tracks", "flags").pending == 0)
    post(flags, *(impression(n, split="nobodys") for n in range(3, 6)), impression(6))
    flags.wait_until(lambda: flags.lane("tracks", "flags").pending == 0)

    lane = flags.lane("tracks", "flags")
    assert (lane.delivered, lane.filtered) == (2, {"traffic_type_unknown": 4})
    assert sandbox.counts()["calls"]["admin"] == {"200": 1}


def test_flags_of_impressions_that_stay_out_are_not_asked_for(flags: Service, sandbox: Sandbox) -> None:
    """What the settings keep out anyway needs no traffic type."""
    flags.change("    tokens", "    environments: [Staging]\n    tokens")
    flags.stop()
    flags.start_web()
    flags.start_workers(1)

    post(flags, impression(1))
    flags.wait_until(lambda: flags.lane("tracks", "flags").filtered == {"environment": 1})

    assert "admin" not in sandbox.counts()["calls"]
