"""The Admin API: look-ups, and identities under every method."""

from typing import Any

import pytest

from split_dest.sandbox import create_app
from tests.support.sandbox import Sandbox, bearer

USERS = "/trafficTypes/tt-user/environments/env-production/identities"


def identity(key: str, **values: Any) -> dict[str, Any]:
    """Return an identity as it is sent."""
    return {"key": key, "values": values}


def standing(sandbox: Sandbox, key: str) -> Any:
    """Return the values that *key*, percent-encoded, has now; None when it is absent."""
    response = sandbox.admin("GET", f"{USERS}/{key}")
    return response.json()["values"] if response.status == 200 else None


def test_the_account_is_there_at_the_start(sandbox: Sandbox):
    """One workspace, two environments, five traffic types."""
    page = sandbox.admin("GET", "/workspaces?limit=20&offset=0").json()
    environments = sandbox.admin("GET", "/environments/ws/ws-1").json()
    traffic_types = sandbox.admin("GET", "/trafficTypes/ws/ws-1").json()

    assert [(one["id"], one["name"]) for one in page["objects"]] == [("ws-1", "Default")]
    assert page["offset"] == 0
    assert page["limit"] == 20
    assert page["totalCount"] == 1
    assert [(one["id"], one["name"], one["production"]) for one in environments] == [
        ("env-production", "Production", True),
        ("env-staging", "Staging", False),
    ]
    names = ("user", "anonymous", "account", "auction", "partner")
    assert [(one["id"], one["name"]) for one in traffic_types[:5]] == [(f"tt-{name}", name) for name in names]


def test_flags_come_in_pages(sandbox: Sandbox):
    """A page has the size that was asked for, at most 50, and says how many flags there are."""
    first = sandbox.admin("GET", "/splits/ws/ws-1?limit=2&offset=0").json()
    second = sandbox.admin("GET", "/splits/ws/ws-1?limit=2&offset=2").json()

    flags = [(flag["name"], flag["trafficType"]) for flag in first["objects"] + second["objects"]]
    assert flags == [
        ("checkout_button", {"id": "tt-user", "name": "user"}),
        ("anonymous_banner", {"id": "tt-anonymous", "name": "anonymous"}),
        ("account_pricing", {"id": "tt-account", "name": "account"}),
    ]
    assert first["limit"] == 2
    assert first["totalCount"] == 3
    assert second["offset"] == 2
    assert sandbox.admin("GET", "/splits/ws/ws-1?limit=1000").json()["limit"] == 50
    assert sandbox.admin("GET", "/splits/ws/ws-1?limit=-1").status == 400


def test_a_new_traffic_type_may_be_used_by_events(sandbox: Sandbox):
    """Events name it as created or lower-cased, as SDKs do; a second one of that name is 409."""
    name = "Seller"
    event = {"key": "s1", "eventTypeId": "sold", "timestamp": 1}
    before = sandbox.events([{**event, "trafficTypeName": name}])

    created = sandbox.admin("POST", "/trafficTypes/ws/ws-1", {"name": name})

    assert before.status == 400
    assert created.status == 200
    assert created.json()["name"] == name
    assert sandbox.admin("POST", "/trafficTypes/ws/ws-1", {"name": name.lower()}).status == 409
    assert sandbox.admin("POST", "/trafficTypes/ws/ws-1", {"name": " "}).status == 400
    assert sandbox.admin("POST", "/trafficTypes/ws/ws-1", ["x"]).status == 400
    assert sandbox.events([{**event, "trafficTypeName": known} for known in (name, name.lower())]).status == 202


@pytest.mark.parametrize(
    "path", ["/environments/ws/other", "/trafficTypes/ws/other", "/splits/ws/other", "/nothing"]
)
def test_another_workspace_is_not_found(sandbox: Sandbox, path: str):
    """Anything that does not exist is 404, as JSON."""
    response = sandbox.admin("GET", path)

    assert response.status == 404
    assert response.json()["code"] == 404


def test_either_header_opens_the_admin_api(sandbox: Sandbox):
    """Bearer, or x-api-key as on accounts migrated to Harness; anything else is 401."""
    path = "/internal/api/v2/workspaces"

    assert sandbox.call("GET", path, headers=bearer("sandbox-admin-key")).status == 200
    assert sandbox.call("GET", path, headers={"x-api-key": "sandbox-admin-key"}).status == 200
    assert sandbox.call("GET", path).status == 401
    assert sandbox.call("GET", path, headers=bearer("sandbox-sdk-key")).status == 401
    assert sandbox.call("GET", path, headers={"Authorization": "Basic sandbox-admin-key"}).status == 401


def test_put_overwrites_and_patch_merges(sandbox: Sandbox):
    """After PUT the former attributes are gone; after PATCH they remain."""
    sandbox.admin("PUT", f"{USERS}/u1", identity("u1", plan="free", city="Oslo"))
    sandbox.admin("PUT", f"{USERS}/u1", identity("u1", plan="gold"))
    assert standing(sandbox, "u1") == {"plan": "gold"}

    response = sandbox.admin("PATCH", f"{USERS}/u1", identity("u1", age=7))

    assert response.status == 200
    assert response.json() == {
        "key": "u1",
        "values": {"plan": "gold", "age": 7},
        "trafficTypeId": "tt-user",
        "environmentId": "env-production",
    }
    assert standing(sandbox, "u1") == {"plan": "gold", "age": 7}


def test_patch_of_an_absent_key_is_404_and_keeps_nothing(sandbox: Sandbox):
    """Only PUT and the bulk call create."""
    response = sandbox.admin("PATCH", f"{USERS}/nobody", identity("nobody", plan="x"))

    assert response.status == 404
    assert sandbox.received("identities") == []


def test_delete_removes_once(sandbox: Sandbox):
    """The second time there is nothing left to remove."""
    sandbox.admin("PUT", f"{USERS}/u1", identity("u1", plan="x"))

    assert sandbox.admin("DELETE", f"{USERS}/u1").status == 204
    assert sandbox.admin("DELETE", f"{USERS}/u1").status == 404
    assert standing(sandbox, "u1") is None


def test_every_write_of_an_identity_is_recorded(sandbox: Sandbox):
    """One record a call or a bulk item, with what was sent; a deletion has no values."""
    where = {"trafficTypeId": "tt-account", "trafficType": "account", "environmentId": "env-staging"}
    path = "/trafficTypes/tt-account/environments/env-staging/identities"
    sandbox.admin("POST", path, [identity("a1", plan="free"), identity("a2", plan="gold")])
    sandbox.admin("PATCH", f"{path}/a1", identity("a1", seats=3))
    sandbox.admin("DELETE", f"{path}/a2")

    assert sandbox.received("identities") == [
        {"method": method, **where, "environment": "Staging", "key": key, "values": values}
        for method, key, values in (
            ("POST", "a1", {"plan": "free"}),
            ("POST", "a2", {"plan": "gold"}),
            ("PATCH", "a1", {"seats": 3}),
            ("DELETE", "a2", {}),
        )
    ]


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        ("a/b", "a%2Fb"),
        ("/", "%2f"),
        ("a b+c", "a%20b+c"),
        ("é", "%C3%A9"),
        ("50%2F", "50%252F"),
        ("?#", "%3F%23"),
    ],
)
def test_a_key_in_the_path_is_percent_encoded(sandbox: Sandbox, key: str, encoded: str):
    """An encoded slash is part of the key, under gunicorn."""
    assert sandbox.admin("PUT", f"{USERS}/{encoded}", identity(key, plan="x")).status == 200

    assert [record["key"] for record in sandbox.received("identities")] == [key]
    assert standing(sandbox, encoded) == {"plan": "x"}


@pytest.mark.parametrize(("path", "status"), [("a%2Fb", 200), ("a/b", 404), ("/a", 404), ("", 404)])
def test_a_bare_slash_in_a_key_leads_nowhere(sandbox: Sandbox, path: str, status: int):
    """The same under gunicorn and under Flask's test client."""
    body = identity("a/b", plan="x")
    in_process = create_app().test_client()

    over_http = sandbox.admin("PUT", f"{USERS}/{path}", body).status
    without = in_process.put(f"/internal/api/v2{USERS}/{path}", json=body, headers=bearer("sandbox-admin-key"))

    assert over_http == status
    assert without.status_code == status


LEGAL = identity("u1", plan="x" * 255, **{"a" * 200: 1, "B-_9": True, "ratio": 0.5})
WRONG = [
    identity("u1", plan="x" * 256),
    identity("u1", **{"9plan": "x"}),
    identity("u1", **{"my plan": "x"}),
    identity("u1", **{"a" * 201: "x"}),
    identity("u1", plan=None),
    identity("u1", plan={"a": 1}),
    identity("u1", plan=["a"]),
    {"key": "u1", "values": []},
    {"key": "u1"},
    {"key": "u1", "values": {}, "traits": {}},
    {"key": "u1", "values": {}, "trafficTypeId": "tt-account"},
    {"key": "u1", "values": {}, "environmentId": "env-staging"},
    "u1",
]


@pytest.mark.parametrize("wrong", [*WRONG, identity("u2"), identity(" "), identity("k" * 251)])
def test_an_identity_against_a_rule_is_400(sandbox: Sandbox, wrong: Any):
    """Key and values have their rules, and the key in the body is the key in the path."""
    assert sandbox.admin("PUT", f"{USERS}/u1", LEGAL).status == 200

    assert sandbox.admin("PUT", f"{USERS}/u1", wrong).status == 400
    assert sandbox.admin("PATCH", f"{USERS}/u1", wrong).status == 400
    assert len(sandbox.received("identities")) == 1


def test_a_bulk_reports_the_bad_and_keeps_the_good(sandbox: Sandbox):
    """The answer is 200 all the same: a client that reads only the status loses identities."""
    response = sandbox.admin("POST", USERS, [identity("u0", plan="x"), *WRONG])

    answer = response.json()
    assert response.status == 200
    assert [one["key"] for one in answer["objects"]] == ["u0"]
    assert [one["object"] for one in answer["failed"]] == WRONG
    assert {one["status"] for one in answer["failed"]} == {400}
    assert answer["metadata"] == {}
    assert [record["key"] for record in sandbox.received("identities")] == ["u0"]


def test_a_bulk_overwrites(sandbox: Sandbox):
    """Like PUT, the bulk call leaves nothing of the former values."""
    sandbox.admin("PUT", f"{USERS}/u1", identity("u1", plan="free", city="Oslo"))

    sandbox.admin("POST", USERS, [identity("u1", plan="gold")])

    assert standing(sandbox, "u1") == {"plan": "gold"}


def test_a_bulk_holds_100(sandbox: Sandbox):
    """A bulk of 101 is refused whole, and so is a body that is not an array."""
    many = [identity(f"u{number}") for number in range(101)]

    assert sandbox.admin("POST", USERS, many[:100]).status == 200
    assert sandbox.admin("POST", USERS, many).status == 400
    assert sandbox.admin("POST", USERS, many[0]).status == 400
    assert sandbox.counts()["identities"] == 100


@pytest.mark.parametrize(
    "path",
    [
        "/trafficTypes/user/environments/env-production/identities",
        "/trafficTypes/tt-user/environments/Production/identities",
    ],
)
def test_an_unknown_traffic_type_or_environment_is_404(sandbox: Sandbox, path: str):
    """Paths take ids; names are not found."""
    assert sandbox.admin("POST", path, [identity("u1")]).status == 404
    assert sandbox.admin("PUT", f"{path}/u1", identity("u1")).status == 404
    assert sandbox.admin("DELETE", f"{path}/u1").status == 404
