"""Low-code tools with a Segment block, from the parameters of its six calls to what Split has.

Their parameters are documented: track, identify, page, group, alias and batch, each with writeKey, and with
properties, traits, context, integrations and batch as JSON, which a language model often fills in as a text.
"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import urllib3

from tests.support.endpoint import basic
from tests.support.samples import SAMPLES
from tests.support.sandbox import Sandbox
from tests.support.service import Service

SETTINGS = """\
    write_keys: [wk, WK]
    map_identities: {userId: user, anonymousId: anonymous, groupId: account}
"""
AT = {"timestamp": "2026-01-15T09:30:00.250Z"}
AT_MS = 1768469400250
JSON_PARAMETERS = ("properties", "traits", "context", "integrations", "batch")
TRACK = {"event": "Order Completed", "userId": "u-1", "properties": {"revenue": 39.95}}


@pytest.fixture(scope="module")
def at_work(make_lasting_service: Callable[..., Service]) -> Service:
    """The service at work for a destination that the tools' write keys lead to."""
    made = make_lasting_service(SETTINGS)
    made.start_web()
    made.start_workers()
    return made


@pytest.fixture
def reached(at_work: Service, sandbox: Sandbox) -> Service:
    """The same service with nothing received."""
    del sandbox
    at_work.forget()
    return at_work


def as_objects(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters as they are."""
    return parameters


def as_texts(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with texts for JSON."""
    texts = {name: orjson.dumps(parameters[name]).decode() for name in JSON_PARAMETERS if name in parameters}
    return parameters | texts


def with_basic(service: Service, tool: str, parameters: dict[str, Any]) -> urllib3.BaseHTTPResponse:
    """Call with the write key as the user name of Basic."""
    return service.post(parameters, f"/v1/{tool}", Authorization=basic("wk"))


def with_body(service: Service, tool: str, parameters: dict[str, Any]) -> urllib3.BaseHTTPResponse:
    """Call with the write key as a parameter like any other."""
    body = orjson.dumps(parameters | {"writeKey": "wk"})
    return service.http.request("POST", f"{service.url}/v1/{tool}", body=body)


def events(sandbox: Sandbox) -> set[tuple[str, str, str, int]]:
    """Return event type, traffic type, key and time of each event that came."""
    names = ("eventTypeId", "trafficTypeName", "key", "timestamp")
    return {tuple(event[name] for name in names) for event in sandbox.received("events")}


def identities(sandbox: Sandbox) -> dict[tuple[str, str], dict[str, str]]:
    """Return what is known of each identity that was written."""
    return {(each["trafficType"], each["key"]): each["values"] for each in sandbox.received("identities")}


def settled(service: Service, on_events: int, on_identities: int) -> None:
    """Wait until this many messages have come into each lane and none waits any more."""
    wanted = {"events": on_events, "identities": on_identities}
    service.wait_until(
        lambda: all((service.lane(n).received, service.lane(n).pending) == (c, 0) for n, c in wanted.items())
    )


CALLS = [
    ("track", TRACK | AT | {"context": {"ip": "1.1.1.1"}, "integrations": {"All": True}}),
    ("track", TRACK | AT | {"event": "Elsewhere", "integrations": {"All": False, "Mixpanel": True}}),
    ("identify", {"userId": "u-1", "traits": {"plan": "gold", "age": 41}, **AT}),
    ("page", {"anonymousId": "a-1", "name": "Home", "category": "Docs", "properties": {"url": "/"}, **AT}),
    ("group", {"groupId": "acme", "userId": "u-1", "traits": {"name": "Acme", "seats": 12}, **AT}),
    ("alias", {"userId": "u-2", "previousId": "u-1", **AT}),
]


@pytest.mark.parametrize(("call", "write"), [(with_basic, as_objects), (with_body, as_texts)])
def test_each_call_becomes_what_it_says(
    reached: Service, sandbox: Sandbox, call: Callable[..., Any], write: Callable[..., Any]
) -> None:
    """Whether JSON comes as JSON or as a text, and wherever the write key stands."""
    answers = [call(reached, tool, write(parameters)) for tool, parameters in CALLS]

    assert [(answer.status, answer.json()) for answer in answers] == [(200, {"success": True})] * 6
    settled(reached, 4, 2)
    assert events(sandbox) == {
        ("Order_Completed", "user", "u-1", AT_MS),
        ("view_Home_page", "anonymous", "a-1", AT_MS),
    }
    assert [each["properties"] for each in sandbox.received("events")].count({"revenue": 39.95}) == 1
    assert identities(sandbox) == {
        ("user", "u-1"): {"plan": "gold", "age": "41"},
        ("account", "acme"): {"name": "Acme", "seats": "12"},
    }
    assert reached.lane().filtered == {"unsupported_type": 1, "filtered_by_integrations_object": 1}


@pytest.mark.parametrize("write", [as_objects, as_texts])
def test_a_batch_is_all_its_messages(reached: Service, sandbox: Sandbox, write: Callable[..., Any]) -> None:
    """The tool's batch, as a list or as a text, with the context that is meant for all of them."""
    batch = [{"type": tool, **parameters} for tool, parameters in CALLS if tool != "alias"]
    parameters = {"batch": batch, "context": {"locale": "en-US"}}

    answer = with_body(reached, "batch", write(parameters))

    assert (answer.status, answer.json()) == (200, {"success": True})
    settled(reached, 3, 2)
    assert {(name, key) for name, _, key, _ in events(sandbox)} == {
        ("Order_Completed", "u-1"),
        ("view_Home_page", "a-1"),
    }
    assert identities(sandbox).keys() == {("user", "u-1"), ("account", "acme")}


def test_the_recorded_batch_arrives(reached: Service, sandbox: Sandbox) -> None:
    """A track and a page call, without their own times."""
    sample = SAMPLES["aacflow-batch-inferred"]

    answer = reached.post(sample["body"], sample["endpoint"], **sample["headers"])

    assert answer.status == 200
    settled(reached, 2, 0)
    assert {event[:3] for event in events(sandbox)} == {
        ("Order_Completed", "user", "u1"),
        ("view_Home_page", "anonymous", "a1"),
    }
