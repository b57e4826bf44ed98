"""Apps with Expo's Segment module, from what its native libraries post to what Split has."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.expo import App
from tests.support.samples import SAMPLES
from tests.support.sandbox import Sandbox
from tests.support.service import Service

SETTINGS = """\
    write_keys: [wk, IOS_WRITE_KEY, ANDROID_WRITE_KEY]
    map_identities: {userId: user, anonymousId: anonymous, groupId: account}
"""


@pytest.fixture(scope="module")
def at_work(make_lasting_service: Callable[..., Service]) -> Service:
    """The service at work for a destination that the apps' write keys lead to."""
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


def events(sandbox: Sandbox) -> dict[str, set[tuple[str, str]]]:
    """Return the traffic types and keys of each event that came."""
    found: dict[str, set[tuple[str, str]]] = {}
    for event in sandbox.received("events"):
        found.setdefault(event["eventTypeId"], set()).add((event["trafficTypeName"], event["key"]))
    return found


def identities(sandbox: Sandbox) -> dict[tuple[str, str], dict[str, str]]:
    """Return what is known of each identity that was written."""
    return {(each["trafficType"], each["key"]): each["values"] for each in sandbox.received("identities")}


def settled(service: Service, received: int) -> None:
    """Wait until this many messages have come and none waits any more."""

    def is_settled() -> bool:
        lanes = [service.lane(name) for name in ("events", "identities")]
        return sum(lane.received for lane in lanes) == received and not any(lane.pending for lane in lanes)

    service.wait_until(is_settled)


def use(app: App) -> None:
    """Use the app: an unknown user signs up, buys something and joins a group."""
    app.screen("Welcome")
    app.track("Tutorial Started")
    app.identify("u-1")
    app.identify("u-1", {"plan": "premium"})
    app.track("Item Purchased", {"revenue": 14.99, "item": {"sku": "a"}})
    app.screen("Thank You", {"order": 7})
    app.group("acme", {"name": "Acme"})
    app.alias("u-2")


@pytest.mark.parametrize("platform", ["ios", "android"])
def test_what_an_app_calls_is_what_split_has(reached: Service, sandbox: Sandbox, platform: str) -> None:
    """All six calls in one batch, sent by flush, for the user and the phone, with their traits and properties."""
    app = App(platform, reached.url, "wk")
    phone = app.ids["anonymousId"]
    use(app)

    answer = app.flush()

    assert (answer.status, answer.json()) == (200, {"success": True})
    settled(reached, 8)
    both = {("user", "u-1"), ("anonymous", phone)}
    assert events(sandbox) == {
        "viewed_Welcome_screen": {("anonymous", phone)},
        "Tutorial_Started": {("anonymous", phone)},
        "Item_Purchased": both,
        "viewed_Thank_You_screen": both,
    }
    assert identities(sandbox) == {
        ("user", "u-1"): {"plan": "premium"},
        ("anonymous", phone): {"plan": "premium"},
        ("account", "acme"): {"name": "Acme"},
    }
    bought = next(each for each in sandbox.received("events") if each["eventTypeId"] == "Item_Purchased")
    assert bought["properties"] == {"revenue": 14.99, "item.sku": "a"}
    assert reached.lane().filtered == {"unsupported_type": 1}
    assert reached.lane("identities").filtered == {"traits_empty": 1}


def test_after_a_reset_somebody_else_uses_the_app(reached: Service, sandbox: Sandbox) -> None:
    """A new anonymousId and no userId: nothing of what follows is said of the user before."""
    app = App("ios", reached.url, "wk")
    app.identify("u-1", {"plan": "premium"})
    app.track("Before")
    before = app.ids["anonymousId"]

    app.reset()
    app.track("After")
    assert app.flush().status == 200

    settled(reached, 3)
    assert app.ids["anonymousId"] != before
    assert events(sandbox) == {
        "Before": {("user", "u-1"), ("anonymous", before)},
        "After": {("anonymous", app.ids["anonymousId"])},
    }


def test_nothing_is_sent_before_a_flush_and_all_of_it_then(reached: Service, sandbox: Sandbox) -> None:
    """A hundred calls in one batch; each arrives once, although its batch came twice."""
    app = App("android", reached.url, "wk")
    for number in range(100):
        app.track(f"Tapped {number}")
    assert reached.lane().received == 0

    queue = list(app.queue)
    assert app.flush().status == 200
    app.queue = queue
    app.track("Tapped Again")
    assert app.flush().status == 200

    settled(reached, 201)
    assert reached.lane().duplicate == 100
    assert len(sandbox.received("events")) == len(events(sandbox)) == 101


def test_a_phone_whose_clock_is_slow_changes_no_time(reached: Service, sandbox: Sandbox) -> None:
    """The times in Split are those of the calls, not those that the phone showed."""
    app = App("ios", reached.url, "wk", slow_hours=30)
    called_ms = time.time() * 1000
    app.track("Tapped")
    time.sleep(0.5)
    flushed = time.monotonic()
    assert app.flush().status == 200
    way_ms = (time.monotonic() - flushed) * 1000

    settled(reached, 1)
    (event,) = sandbox.received("events")
    assert -100 < event["timestamp"] - called_ms < way_ms + 100


def test_the_recorded_batches_arrive(reached: Service, sandbox: Sandbox) -> None:
    """The native libraries' own bytes, with their own write keys, years after they were recorded."""
    for platform, key in (("ios", "IOS_WRITE_KEY"), ("android", "ANDROID_WRITE_KEY")):
        app = App(platform, reached.url, key)
        app.queue = recorded(platform)
        assert app.flush().status == 200

    settled(reached, 3)
    user = ("user", "019mr8mf4r")
    ios, android = (("anonymous", recorded(platform)[0]["anonymousId"]) for platform in ("ios", "android"))
    assert events(sandbox) == {"viewed_Home_screen": {user, ios}, "Item_Purchased": {user, android}}
    assert identities(sandbox) == {user: {"plan": "premium"}, ios: {"plan": "premium"}}


def recorded(platform: str) -> list[dict[str, Any]]:
    """Return the messages of a recorded batch."""
    name = {"ios": "sdk-ios-expo-batch", "android": "sdk-android-expo-import"}[platform]
    batch: list[dict[str, Any]] = SAMPLES[name]["body"]["batch"]
    return batch
