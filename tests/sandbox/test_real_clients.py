"""Split's own clients take the sandbox for Split."""

from collections.abc import Iterator
from typing import Any

import pytest
from splitapiclient.main import get_client
from splitapiclient.util.exceptions import HTTPIncorrectParametersError, HTTPNotFoundError, HTTPUnauthorizedError

from tests.support.sandbox import ADMIN_KEY, SDK_KEY, Sandbox
from tests.support.split_sdk import running

# splitio_client 10.7 marks a thread as a daemon in the way that Python deprecated.
pytestmark = pytest.mark.filterwarnings(r"ignore:setDaemon\(\) is deprecated:DeprecationWarning")


@pytest.fixture
def factory(sandbox: Sandbox) -> Iterator[Any]:
    """The SDK, polling; it ends with the test.

    Its tasks start a moment after it says that it is ready, and until then destroy() neither flushes nor stops
    them: so each test waits for something to arrive.
    """
    with running(sandbox, streamingEnabled=False) as started:
        yield started


@pytest.fixture
def admin(sandbox: Sandbox) -> Any:
    """The Admin API client."""
    return get_client({"apikey": ADMIN_KEY, "base_url": sandbox.url + "/internal/api/v2"})


def test_the_sdk_evaluates_every_flag(sandbox: Sandbox, factory: Any):
    """Each flag gives every key its treatment, and is of the traffic type that the Admin API names."""
    client = factory.client()

    treatments = {
        name: client.get_treatment(key, name)
        for name in ("checkout_button", "anonymous_banner", "account_pricing")
        for key in ("u1", "someone else")
    }

    assert treatments == {"checkout_button": "on", "anonymous_banner": "on", "account_pricing": "v2"}
    assert {flag.name: flag.traffic_type for flag in factory.manager().splits()} == {
        "checkout_button": "user",
        "anonymous_banner": "anonymous",
        "account_pricing": "account",
    }
    sandbox.wait_for("impressions", 6)


def test_events_of_the_sdk_arrive(sandbox: Sandbox, factory: Any):
    """The sandbox accepts everything that track() accepts: the limits are the same."""
    client = factory.client()
    largest = {f"p{number}": "x" for number in range(300)}
    assert client.track("u1", "user", "order.completed", 12.5, {"plan": "gold", "nested": {"k": 1}})
    assert client.track("k" * 250, "account", "a" * 80, None, largest)

    first, second = sandbox.wait_for("events", 2)

    assert first.pop("timestamp") <= second.pop("timestamp")
    assert first == {
        "key": "u1",
        "trafficTypeName": "user",
        "eventTypeId": "order.completed",
        "value": 12.5,
        "properties": {"plan": "gold", "nested": None},
    }
    assert (second["key"], second["eventTypeId"], second["properties"]) == ("k" * 250, "a" * 80, largest)


def test_impressions_of_the_sdk_arrive(sandbox: Sandbox, factory: Any):
    """Every evaluation, with the flag, the key and the treatment."""
    client = factory.client()
    client.get_treatment("u1", "checkout_button")
    client.get_treatment("acme", "account_pricing")

    impressions = sandbox.wait_for("impressions", 2)

    assert {(one["f"], one["k"], one["t"], one["r"]) for one in impressions} == {
        ("checkout_button", "u1", "on", "default rule"),
        ("account_pricing", "acme", "v2", "default rule"),
    }
    assert {type(one[name]) for one in impressions for name in ("m", "c")} == {int}


def test_the_sdk_is_at_home_with_its_defaults(sandbox: Sandbox):
    """They ask for streaming, and send each impression once with counts; no call fails."""
    with running(sandbox, impressionsMode="optimized") as factory:
        client = factory.client()
        assert {client.get_treatment("u1", "checkout_button") for _ in range(3)} == {"on"}
        assert client.track("u1", "user", "bought")
        sandbox.wait_for("events", 1)

    assert len(sandbox.received("impressions")) == 1
    assert {status for outcomes in sandbox.counts()["calls"].values() for status in outcomes} == {"200", "202"}


def test_a_wrong_sdk_key_never_gets_ready(sandbox: Sandbox):
    """The look-up of flags is 401, and so is everything else that SDKs call."""
    for method, path in (
        ("GET", "/splitChanges?since=-1"),
        ("POST", "/v1/metrics/usage"),
        ("POST", "/v1/keys/ss"),
    ):
        assert sandbox.call(method, "/api" + path).status == 401


def test_flags_are_sent_once(sandbox: Sandbox):
    """A client with the current version gets an empty list, and the same version."""
    headers = {"Authorization": f"Bearer {SDK_KEY}"}
    first = sandbox.call("GET", "/api/splitChanges?s=1.3&since=-1&rbSince=-1", headers=headers).json()
    till = first["ff"]["t"]

    again = sandbox.call("GET", f"/api/splitChanges?s=1.3&since={till}&rbSince=-1", headers=headers).json()

    assert (first["ff"]["s"], len(first["ff"]["d"])) == (-1, 3)
    assert again == {"ff": {"s": till, "t": till, "d": []}, "rbs": {"s": -1, "t": -1, "d": []}}
    assert sandbox.call("GET", "/api/splitChanges?since=x", headers=headers).status == 400


def test_the_admin_client_finds_the_account(admin: Any):
    """Workspaces, environments, traffic types and flags, by name."""
    workspace = admin.workspaces.find("Default")

    assert workspace.id == "ws-1"
    assert {one.name: one.production for one in admin.environments.list("ws-1")} == {
        "Production": True,
        "Staging": False,
    }
    assert admin.traffic_types.find("auction", workspace.id).id == "tt-auction"
    assert [flag.name for flag in admin.splits.list("ws-1")] == [
        "checkout_button",
        "anonymous_banner",
        "account_pricing",
    ]


def test_the_admin_client_saves_identities(sandbox: Sandbox, admin: Any):
    """One by one and in bulk; the client's integers are taken as they are."""
    user = admin.traffic_types.find("user", "ws-1")
    environment = admin.environments.find("Production", "ws-1").id

    user.add_identity({"key": "u1", "environmentId": environment, "values": {"plan": "gold", "age": 7}})
    result = user.add_identities(
        [
            {"key": "u2", "environmentId": environment, "values": {"plan": "free"}},
            {"key": "u3", "environmentId": environment, "values": {"not legal": "x"}},
        ]
    )

    assert [one.key for one in result.successful] == ["u2"]
    assert [(one["object"].key, one["status"]) for one in result.failed] == [("u3", 400)]
    assert [(one["method"], one["key"], one["values"]) for one in sandbox.received("identities")] == [
        ("PUT", "u1", {"plan": "gold", "age": 7}),
        ("POST", "u2", {"plan": "free"}),
    ]


def test_the_admin_client_merges_and_deletes(sandbox: Sandbox, admin: Any):
    """Both of its ways to merge, and its deletion, work on what was saved."""
    place = {"trafficTypeId": "tt-user", "environmentId": "env-staging"}
    identities = admin.identities
    identities.save({**place, "key": "u1", "values": {"plan": "free", "age": 7}})

    assert identities.patch({**place, "key": "u1", "values": {"plan": "gold"}}).values == {
        "plan": "gold",
        "age": 7,
    }
    assert identities.update({**place, "key": "u1", "values": {"age": 8}}).values == {"plan": "gold", "age": 8}
    identities.delete("tt-user", "env-staging", "u1")

    with pytest.raises(HTTPNotFoundError):
        identities.patch({**place, "key": "u1", "values": {}})
    assert [one["method"] for one in sandbox.received("identities")] == ["PUT", "PATCH", "PATCH", "DELETE"]


def test_the_admin_client_gets_errors_that_it_knows(sandbox: Sandbox, admin: Any):
    """A wrong identity, an unencoded slash and a wrong key each raise the right exception."""
    place = {"trafficTypeId": "tt-user", "environmentId": "env-staging"}
    stranger = get_client({"apikey": "wrong", "base_url": sandbox.url + "/internal/api/v2"})

    with pytest.raises(HTTPIncorrectParametersError):
        admin.identities.save({**place, "key": "u1", "values": {"plan": "x" * 256}})
    with pytest.raises(HTTPNotFoundError):
        admin.identities.save({**place, "key": "a/b", "values": {}})
    with pytest.raises(HTTPUnauthorizedError):
        stranger.workspaces.list()
