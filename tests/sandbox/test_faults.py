"""Every kind of fault, seen from the client."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from tests.support.sandbox import Sandbox, event

USERS = "/trafficTypes/tt-user/environments/env-production/identities"


def call(sandbox: Sandbox, api: str) -> urllib3.BaseHTTPResponse:
    """Make a legal call to *api*."""
    if api == "events":
        return sandbox.events([event()])
    if api == "impressions":
        return sandbox.impressions([])
    if api == "identities":
        return sandbox.admin("POST", USERS, [{"key": "u1", "values": {}}])
    if api == "admin":
        return sandbox.admin("GET", "/workspaces")
    return sandbox.segment("/track", {"event": "e", "userId": "u1"})


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Return once *holds* is true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("api", ["events", "impressions", "identities", "admin", "tracks"])
def test_a_status_is_answered_for_one_api_and_nothing_is_kept(sandbox: Sandbox, api: str):
    """The fault concerns its own API; the others go on."""
    sandbox.faults({"api": api, "status": 503})

    answers = {
        name: call(sandbox, name).status for name in ("events", "impressions", "identities", "admin", "tracks")
    }

    assert answers.pop(api) == 503
    assert set(answers.values()) <= {200, 202}
    assert sandbox.counts().get(api, 0) == 0
    assert sandbox.counts()["calls"][api] == {"503": 1}


def test_headers_and_body_are_those_asked_for(sandbox: Sandbox):
    """A 429 can look like Split's own."""
    headers = {"X-RateLimit-Reset-Seconds-Org": "7"}
    sandbox.faults({"api": "identities", "status": 429, "retryAfter": 3, "headers": headers, "body": "slow down"})

    answer = call(sandbox, "identities")

    assert answer.status == 429
    assert answer.data == b"slow down"
    assert answer.headers["Retry-After"] == "3"
    assert answer.headers["X-RateLimit-Reset-Seconds-Org"] == "7"


@pytest.mark.parametrize(("drop", "recorded"), [(True, 0), ("after", 1), ("half", 1)])
def test_a_dropped_connection_gives_the_client_no_answer(sandbox: Sandbox, drop: bool | str, recorded: int):
    """The client sees a broken connection; ``after`` and ``half`` have kept the events all the same."""
    sandbox.faults({"api": "events", "drop": drop, "times": 1})

    with pytest.raises(urllib3.exceptions.ProtocolError):
        call(sandbox, "events")

    assert sandbox.counts()["events"] == recorded
    assert sandbox.counts()["calls"]["events"] == {"dropped": 1}
    assert call(sandbox, "events").status == 202


def test_a_delay_comes_before_the_normal_answer(sandbox: Sandbox):
    """A fault of a delay alone is slow, not wrong."""
    sandbox.faults({"api": "events", "delayMs": 300})
    began = time.monotonic()

    assert call(sandbox, "events").status == 202
    assert time.monotonic() - began >= 0.3
    assert sandbox.counts()["events"] == 1


def test_a_delayed_call_holds_up_nobody_else(sandbox: Sandbox):
    """A client that gives up early leaves the sandbox answering others."""
    sandbox.faults({"api": "events", "delayMs": 500})
    impatient = urllib3.PoolManager(retries=False, timeout=0.1)

    with impatient, pytest.raises(urllib3.exceptions.TimeoutError):
        impatient.request("POST", sandbox.url + "/api/events/bulk", body=b"[]")

    assert call(sandbox, "admin").status == 200
    assert "events" not in sandbox.counts()["calls"]
    until(lambda: "events" in sandbox.counts()["calls"])


def test_some_keys_of_a_bulk_fail(sandbox: Sandbox):
    """The answer is 200, the failed are named with their status, and the others stand."""
    sandbox.faults({"api": "identities", "failKeys": ["u2", "u9"], "status": 429, "times": 1})
    unconcerned = sandbox.admin("POST", USERS, [{"key": "u7", "values": {}}])

    answer = sandbox.admin("POST", USERS, [{"key": f"u{number}", "values": {}} for number in (1, 2, 3)])

    assert unconcerned.json()["failed"] == []
    assert answer.status == 200
    assert [one["key"] for one in answer.json()["objects"]] == ["u1", "u3"]
    assert [(one["object"]["key"], one["status"]) for one in answer.json()["failed"]] == [("u2", 429)]
    assert [record["key"] for record in sandbox.received("identities")] == ["u7", "u1", "u3"]


def test_keys_fail_with_400_by_default(sandbox: Sandbox):
    """A fault of keys alone needs no status, and leaves calls of other forms alone."""
    sandbox.faults({"api": "identities", "failKeys": ["u1"]})

    assert call(sandbox, "identities").json()["failed"][0]["status"] == 400
    assert sandbox.admin("PUT", f"{USERS}/u1", {"key": "u1", "values": {}}).status == 200
    assert sandbox.admin("POST", USERS, b"[").status == 400


def test_a_fault_may_concern_some_calls_only(sandbox: Sandbox):
    """Text in the body or in the path chooses them; the path also as it reads decoded."""
    poison, good = event(key="poison"), event()
    sandbox.faults(
        {"api": "events", "status": 400, "containing": "poison"},
        {"api": "identities", "status": 500, "containing": "a/b"},
    )

    assert [sandbox.events(events).status for events in ([good], [good, poison])] == [202, 400]
    assert sandbox.admin("PUT", f"{USERS}/a%2Fb", {"key": "a/b", "values": {}}).status == 500
    assert sandbox.admin("PUT", f"{USERS}/ab", {"key": "ab", "values": {}}).status == 200


def test_a_fault_is_over_after_its_times(sandbox: Sandbox):
    """The remaining times are shown, and then the fault is gone."""
    sandbox.faults({"api": "events", "status": 500, "times": 2})

    assert call(sandbox, "events").status == 500
    assert sandbox.call("GET", "/_sandbox/faults").json() == [{"api": "events", "status": 500, "times": 1}]
    assert [call(sandbox, "events").status for _ in range(2)] == [500, 202]
    assert sandbox.call("GET", "/_sandbox/faults").json() == []


def test_a_fault_is_over_after_its_seconds(sandbox: Sandbox):
    """Time is counted from the moment it was asked for."""
    began = time.monotonic()
    sandbox.faults({"api": "events", "status": 500, "seconds": 0.8})

    assert call(sandbox, "events").status == 500
    assert 0 < sandbox.call("GET", "/_sandbox/faults").json()[0]["seconds"] <= 0.8
    until(lambda: call(sandbox, "events").status == 202)
    assert time.monotonic() - began >= 0.8


def test_the_first_fault_that_concerns_a_call_wins(sandbox: Sandbox):
    """In the order of the array; when a fault is over, the next applies."""
    sandbox.faults({"api": "events", "status": 500, "times": 1}, {"api": "events", "status": 429})

    assert [call(sandbox, "events").status for _ in range(3)] == [500, 429, 429]


def test_new_faults_replace_the_old(sandbox: Sandbox):
    """One object is as good as an array; an empty array, or DELETE, ends them all."""
    sandbox.faults({"api": "events", "status": 500})
    sandbox.call("PUT", "/_sandbox/faults", {"api": "admin", "status": 500})
    assert call(sandbox, "events").status == 202
    assert call(sandbox, "admin").status == 500

    sandbox.faults()
    assert call(sandbox, "admin").status == 200

    sandbox.faults({"api": "admin", "status": 500})
    assert sandbox.call("DELETE", "/_sandbox/faults").status == 204
    assert call(sandbox, "admin").status == 200


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({}, "api must be"),
        ({"status": 500}, "api must be"),
        ({"api": "event", "status": 500}, "api must be"),
        ({"api": "events"}, "it does nothing"),
        ({"api": "events", "status": 99}, "status must be"),
        ({"api": "events", "status": True}, "status must be"),
        ({"api": "events", "status": 429, "retryAfter": -1}, "retryAfter must be"),
        ({"api": "events", "delayMs": 1, "retryAfter": 1}, "retryAfter needs status"),
        ({"api": "events", "status": 429, "headers": {"a b": "c"}}, "headers must be"),
        ({"api": "events", "status": 429, "headers": {"a": "b\r\nc"}}, "headers must be"),
        ({"api": "events", "status": 429, "body": 1}, "body must be"),
        ({"api": "events", "delayMs": "1"}, "delayMs must be"),
        ({"api": "events", "drop": "before"}, "drop must be"),
        ({"api": "events", "drop": True, "status": 500}, "drop goes with neither"),
        ({"api": "events", "failKeys": ["u1"]}, "failKeys goes with api identities only"),
        ({"api": "identities", "failKeys": []}, "failKeys must be"),
        ({"api": "events", "status": 500, "containing": ""}, "containing must be"),
        ({"api": "events", "status": 500, "times": 0}, "times must be"),
        ({"api": "events", "status": 500, "seconds": 0}, "seconds must be"),
        ({"api": "events", "status": 500, "chance": 0.5}, "unknown field chance"),
        ("events", "must be an object"),
    ],
)
def test_a_wrong_fault_is_refused(sandbox: Sandbox, fault: Any, problem: str):
    """Every problem is named, and the faults that were active stay so."""
    sandbox.faults({"api": "admin", "status": 500})

    answer = sandbox.call("PUT", "/_sandbox/faults", [{"api": "events", "status": 500}, fault])

    assert answer.status == 400
    assert f"\nfault 1: {problem}" in "\n".join(["", *answer.json()["problems"]])
    assert sandbox.call("GET", "/_sandbox/faults").json() == [{"api": "admin", "status": 500}]
