"""A user's deletion, from Segment's webhook to Split's Admin API."""

from collections.abc import Callable

from tests.support.sandbox import Sandbox
from tests.support.service import Service


def identify(n: int, message_id: str) -> dict[str, object]:
    """Return an identify call of one of several users."""
    return {"type": "identify", "userId": f"u-{n}", "messageId": message_id, "traits": {message_id: "yes"}}


def delete(n: int) -> dict[str, object]:
    """Return Segment's deletion of one of them, in the shape of its partners' documents."""
    return {"type": "delete", "userId": f"u-{n}", "messageId": f"d-{n}", "context": None, "integrations": []}


def settled(service: Service, count: int) -> None:
    """Wait until this many messages of the identities lane are delivered."""
    service.wait_until(lambda: service.lane("identities").delivered == count, 30)


def test_a_deleted_user_is_gone_and_may_come_back(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """In one batch or several, what was before the deletion is gone, and what comes later stands alone."""
    service = make_service("    delete: {enabled: true}\n")
    service.start_web()
    service.start_workers(1)
    service.post([identify(n, f"first-{n}") for n in range(4)])
    settled(service, 4)

    service.post([delete(0), delete(1), delete(2), delete(9), identify(2, "again")])
    settled(service, 9)

    last = {one["key"]: (one["method"], one["values"]) for one in sandbox.received("identities")}
    assert last == {
        "u-0": ("DELETE", {}),
        "u-1": ("DELETE", {}),
        "u-2": ("PUT", {"again": "yes"}),
        "u-3": ("PUT", {"first-3": "yes"}),
    }
    assert service.lane("identities").dead == 0


def test_deletions_wait_while_split_refuses(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """A refused deletion is not lost: it is tried again."""
    sandbox.faults({"api": "identities", "status": 503, "times": 1})
    service = make_service("    delete: {enabled: true}\n    identify: {mode: replace}\n")
    service.start_web()
    service.start_workers(1)

    service.post([delete(0)])

    settled(service, 1)
    assert service.lane("identities").dead == 0


def test_a_refused_batch_of_others_does_not_let_a_deletion_overtake(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Eight identities that Split refuses are no reason to leave the ninth for after its deletion."""
    service = make_service("    delete: {enabled: true}\n")
    service.change("delivery: {", "delivery: {batch_max_events: 9, ")
    service.start_web()
    sandbox.faults({"api": "identities", "status": 400, "times": 8})
    others = [identify(n, f"other-{n}") for n in range(8)]
    service.post([*others, identify(50, "before"), delete(50)])

    service.start_workers(1)
    service.wait_until(lambda: service.lane("identities").pending == 0, 30)

    last = {one["key"]: one["method"] for one in sandbox.received("identities")}
    assert last["u-50"] == "DELETE"
