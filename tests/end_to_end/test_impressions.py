"""Split's impressions to Segment, and exposures to Split, with real processes and Split's own SDK."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from split_dest.inbox import dead_letters
from tests.support.sandbox import Sandbox
from tests.support.service import SECRET, Service
from tests.support.split_sdk import running

SOURCE = """
segment: {{url: "{sandbox}/v1"}}
sources:
  flags:
    tokens: ["${{TEST_SECRET}}"]
    write_key: ${{TEST_WRITE_KEY}}
    split: {{admin_key: "${{TEST_ADMIN_KEY}}", workspace_id: ws-1}}
"""
ENDPOINT = f"/impressions/flags?token={SECRET}"


@pytest.fixture(scope="module")
def at_work(make_lasting_service: Callable[..., Service], started_sandbox: Sandbox) -> Service:
    """A service with a source, its web and its workers."""
    service = make_lasting_service(SOURCE.format(sandbox=started_sandbox.url))
    service.start_web()
    service.start_workers(1)
    return service


@pytest.fixture
def flags(at_work: Service, sandbox: Sandbox) -> Service:
    """The same service with nothing received."""
    del sandbox
    at_work.forget()
    return at_work


def impression(n: int, **more: Any) -> dict[str, Any]:
    """Return an impression in the webhook's form."""
    return {
        "key": f"u-{n}",
        "split": "checkout_button",
        "environmentId": "env-production",
        "environmentName": "Production",
        "treatment": "on",
        "time": 1768469400250 + n,
        "bucketingKey": None,
        "label": "default rule",
        "splitVersionNumber": 1700000000000,
        "sdk": "python",
        "sdkVersion": "10.7.0",
    } | more


def delivered(service: Service, count: int) -> None:
    """Wait until this many impressions have left for Segment."""
    service.wait_until(lambda: service.lane("tracks", "flags").delivered == count)


@pytest.mark.filterwarnings(r"ignore:setDaemon\(\) is deprecated:DeprecationWarning")
def test_what_splits_sdk_evaluates_arrives_in_segment(flags: Service, sandbox: Sandbox) -> None:
    """Two flags of two traffic types: the key stands in the id that their type is mapped to."""
    with running(sandbox, streamingEnabled=False) as factory:
        client = factory.client()
        client.get_treatment("u-1", "checkout_button")
        client.get_treatment("c-1", "anonymous_banner")
        client.get_treatment("a-1", "account_pricing")
        sandbox.wait_for("impressions", 3)
    posted = [as_webhook(each) for each in sandbox.received("impressions")]

    answer = flags.post(gzip.compress(orjson.dumps(posted)), ENDPOINT, Authorization="")
    delivered(flags, 2)

    assert (answer.status, answer.json()["accepted"]) == (200, 3)
    tracks = {track["properties"]["split"]: track for track in sandbox.received("tracks")}
    assert tracks["checkout_button"]["userId"] == "u-1"
    assert tracks["anonymous_banner"]["anonymousId"] == "c-1"
    assert "userId" not in tracks["anonymous_banner"]
    assert {track["event"] for track in tracks.values()} == {"get_treatment"}
    assert tracks["checkout_button"]["properties"]["treatment"] == "on"
    assert flags.lane("tracks", "flags").filtered == {"traffic_type_unmapped": 1}


def as_webhook(sent: dict[str, Any]) -> dict[str, Any]:
    """Return an SDK's impression as Split's webhook would post it."""
    return {
        "key": sent["k"],
        "split": sent["f"],
        "treatment": sent["t"],
        "time": sent["m"],
        "label": sent["r"],
        "bucketingKey": sent["b"],
        "splitVersionNumber": sent["c"],
        "environmentId": "env-production",
        "environmentName": "Production",
        "properties": sent.get("properties"),
    }


def test_a_batch_that_is_posted_again_is_sent_once(flags: Service, sandbox: Sandbox) -> None:
    """Split tries once more after a slow answer; each impression has an id that stays the same."""
    batch = [impression(n) for n in range(5)]

    flags.post(batch, ENDPOINT)
    again = flags.post(batch[::-1], f"/impressions/flags/{SECRET}/", Authorization="")
    delivered(flags, 5)

    assert again.json() == {"success": True, "accepted": 0, "duplicates": 5, "set_aside": 0}
    tracks = sandbox.received("tracks")
    assert len(tracks) == len({track["messageId"] for track in tracks}) == 5


def test_segments_refusals_are_obeyed(flags: Service, sandbox: Sandbox) -> None:
    """After a 429 the lane waits as asked; then all arrive."""
    sandbox.faults({"api": "tracks", "status": 429, "retryAfter": 2, "times": 1})

    flags.post([impression(1)], ENDPOINT)

    assert flags.wait_until(lambda: flags.lane("tracks", "flags").delivered == 1) > 1.5


def test_an_impression_that_segment_refuses_is_set_aside(flags: Service, sandbox: Sandbox) -> None:
    """The batch is halved until it stands alone; one without a treatment never gets that far."""
    sandbox.faults({"api": "tracks", "status": 400, "times": 4})

    flags.post([*(impression(n) for n in range(8)), impression(9, treatment=None)], ENDPOINT)
    delivered(flags, 7)

    reasons = [letter.reason for letter in dead_letters.browse(flags.store, "flags")]
    assert reasons == ["impression_incomplete", "record_refused"]


def test_the_loop_is_shut(flags: Service, sandbox: Sandbox) -> None:
    """Our own track calls that Segment sends back through the webhook do not become events."""
    flags.post([impression(1)], ENDPOINT)
    delivered(flags, 1)

    flags.post(sandbox.received("tracks"))
    flags.wait_until(lambda: flags.lane().filtered == {"event_filtered": 1})

    assert sandbox.received("events") == []


@pytest.mark.parametrize("path", ["/impressions/flags", "/impressions/flags?token=no", "/impressions/flags/no"])
def test_a_wrong_token_is_refused(flags: Service, path: str) -> None:
    """Nothing is stored without the token."""
    answer = flags.post([impression(1)], path, Authorization="")

    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
    assert flags.lane("tracks", "flags").received == 0


def test_an_exposure_becomes_an_event_and_an_impression(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Evaluated elsewhere, told through Segment, counted in Split."""
    service = make_service("    exposures: {enabled: true}\n")
    service.start_web()
    service.start_workers(1)
    seen = {"experiment_name": "checkout_button", "variation_name": "on"}
    exposures = [
        {
            "type": "track",
            "event": "Experiment Viewed",
            "userId": f"u-{n}",
            "messageId": f"e-{n}",
            "properties": seen,
        }
        for n in range(3)
    ]

    said = service.post([*exposures, exposures[0], exposures[1] | {"messageId": "x", "properties": {}}]).json()
    service.wait_until(lambda: service.lane("impressions").pending + service.lane().pending == 0)

    assert (said["accepted"], said["duplicates"]) == (4, 1)
    assert [(one["f"], one["k"], one["t"]) for one in sandbox.received("impressions")] == [
        ("checkout_button", f"u-{n}", "on") for n in range(3)
    ]
    assert {event["eventTypeId"] for event in sandbox.received("events")} == {"Experiment_Viewed"}
    lane = service.lane("impressions")
    assert (lane.received, lane.delivered, lane.duplicate, lane.filtered_total) == (5, 3, 1, 1)
