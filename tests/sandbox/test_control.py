"""The sandbox's own endpoints, and the server as a process."""

import subprocess
import time

import orjson
import pytest
import urllib3

from split_dest.sandbox import Keys, create_app
from split_dest.sandbox.state import Received
from tests.support.sandbox import Sandbox, bearer, event, free_port, running


def test_the_front_page_says_what_is_served(sandbox: Sandbox):
    """The address itself lists what is served."""
    assert sandbox.call("GET", "/").json()["sandbox"]["how many"] == "/_sandbox/counts"


def test_records_carry_the_time_they_came_at(sandbox: Sandbox):
    """In milliseconds, and ``since`` narrows by it."""
    began_ms = int(time.time() * 1000)
    sandbox.events([event(key="old")])
    old = sandbox.call("GET", "/_sandbox/received?kind=events").json()[0]["receivedAt"]
    time.sleep(0.01)
    sandbox.events([event(key="new")])

    assert began_ms <= old <= time.time() * 1000
    assert [one["key"] for one in sandbox.received("events", f"&since={old}")] == ["old", "new"]
    assert [one["key"] for one in sandbox.received("events", f"&since={old + 1}")] == ["new"]


def test_the_newest_records_can_be_asked_for(sandbox: Sandbox):
    """``limit`` takes them from the end, newest last."""
    sandbox.events([event(key=f"u{number}") for number in range(5)])

    newest = {limit: [one["key"] for one in sandbox.received("events", f"&limit={limit}")] for limit in (0, 2, 9)}

    assert newest == {0: [], 2: ["u3", "u4"], 9: ["u0", "u1", "u2", "u3", "u4"]}


@pytest.mark.parametrize("query", ["", "?kind=event", "?kind=events&since=x", "?kind=events&limit=-1"])
def test_a_wrong_question_is_400(sandbox: Sandbox, query: str):
    """The kind is required, and numbers must be numbers."""
    assert sandbox.call("GET", "/_sandbox/received" + query).status == 400


def test_everything_is_counted(sandbox: Sandbox):
    """Records by kind, calls by API and status, refusals too."""
    sandbox.events([event(), event()])
    sandbox.events([event(key="")])
    sandbox.call("POST", "/api/events", event())
    sandbox.admin("GET", "/workspaces")
    sandbox.admin("PUT", "/trafficTypes/tt-user/environments/env-production/identities/a/b", {})
    sandbox.segment("/track", {"event": "e", "userId": "u1"})

    counts = sandbox.counts()
    calls = counts.pop("calls")
    assert counts == {"events": 2, "identities": 0, "impressions": 0, "tracks": 1}
    assert calls["events"] == {"202": 1, "400": 1, "401": 1}
    assert calls["admin"] == {"200": 1}
    assert calls["identities"] == {"404": 1}
    assert calls["tracks"] == {"200": 1}


def test_the_newest_calls_tell_their_times(sandbox: Sandbox):
    """Refused calls as well, with what their fault looked for."""
    sandbox.call("DELETE", "/_sandbox/received")
    sandbox.faults({"api": "events", "status": 503, "delayMs": 50, "containing": "u1"})

    sandbox.events([event()])
    sandbox.events([event(key="u2")])

    refused, taken = sandbox.call("GET", "/_sandbox/calls").json()
    assert refused["api"] == "events"
    assert refused["outcome"] == "503"
    assert refused["containing"] == "u1"
    assert taken["outcome"] == "202"
    assert taken["containing"] is None
    assert refused["receivedAt"] + 50 <= refused["answeredAt"] <= taken["receivedAt"]


def test_a_clean_start_keeps_the_faults(sandbox: Sandbox):
    """Records, counts and identities go; faults stay."""
    path = "/trafficTypes/tt-user/environments/env-production/identities/u1"
    sandbox.events([event()])
    sandbox.admin("PUT", path, {"key": "u1", "values": {}})
    sandbox.faults({"api": "admin", "status": 500})

    assert sandbox.call("DELETE", "/_sandbox/received").status == 204

    counts = sandbox.counts()
    assert counts["events"] == 0
    assert counts["identities"] == 0
    assert "events" not in counts["calls"]
    assert sandbox.received("events") == []
    assert sandbox.admin("GET", path).status == 404
    assert sandbox.admin("GET", "/workspaces").status == 500


def test_only_the_newest_are_kept_but_all_are_counted():
    """A long measurement does not use up the memory."""
    received = Received(max_records=2)

    received.add("events", [{"key": f"u{number}"} for number in range(5)])

    assert [orjson.loads(record)["key"] for record in received.newest("events", 0, None)] == ["u3", "u4"]
    assert received.counts()["events"] == 5


def test_the_keys_can_be_chosen():
    """Another deployment, other keys."""
    client = create_app(Keys(sdk_key="a=b", admin_key="c", write_key="d")).test_client()

    assert client.post("/api/events/bulk", json=[], headers=bearer("a=b")).status_code == 202
    assert client.get("/internal/api/v2/workspaces", headers={"x-api-key": "c"}).status_code == 200
    assert client.post("/v1/page", json={"userId": "u", "writeKey": "d"}).status_code == 200


def test_without_gunicorn_a_dropped_call_says_so():
    """Flask's test client has no connection to close."""
    client = create_app().test_client()
    client.put("/_sandbox/faults", json={"api": "events", "drop": True})

    answer = client.post("/api/events/bulk", json=[])

    assert answer.status_code == 500
    assert answer.text == "the connection is dropped here"


def test_the_server_is_quiet_and_ends_when_told():
    """Nothing on stdout or stderr, status 0 after SIGTERM, although a client keeps its connection open."""
    port = free_port()
    with running(port, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False, timeout=10).close()

    assert process.stdout is not None
    with process.stdout as output:
        assert output.read() == b""
    assert process.returncode == 0
