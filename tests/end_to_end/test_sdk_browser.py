"""Segment's browser SDK, unmodified, in a real browser, on a page of another origin than the service's."""

from datetime import UTC, datetime

import pytest

from tests.end_to_end.conftest import Browser
from tests.support import proxy, sdks
from tests.support.sandbox import Sandbox
from tests.support.service import Service

pytestmark = [sdks.needs_node, sdks.needs_chromium]

SNIPPET = """<!doctype html>
<script type="importmap">{{"imports": {{"@segment/analytics-next": "/sdks/package_as_module.mjs"}}}}</script>
<script type="module">{code}</script>
"""


def calls_arrived(service: Service, sandbox: Sandbox) -> None:
    """Waits for what the calls of calls.html become: who was anonymous at first, identified, then somebody new."""
    service.wait_until(lambda: (service.lane().delivered, service.lane("identities").delivered) == (3, 2))
    events = {(each["eventTypeId"], each["trafficTypeName"]): each for each in sandbox.received("events")}
    assert len(events) == len(sandbox.received("events"))
    assert set(events) == {
        ("view_Pricing_page", "anonymous"),
        ("Order_Completed", "anonymous"),
        ("Order_Completed", "user"),
        ("Came_Back", "anonymous"),
    }
    first = events["view_Pricing_page", "anonymous"]["key"]
    assert events["Order_Completed", "anonymous"]["key"] == first != events["Came_Back", "anonymous"]["key"]
    assert (events["Order_Completed", "user"]["key"], events["Order_Completed", "user"]["value"]) == ("u-1", 39.95)
    assert sdks.identities(sandbox) == [
        ("tt-account", "acme", {"industry": "Tea"}),
        ("tt-anonymous", first, {"plan": "gold"}),
        ("tt-user", "u-1", {"plan": "gold"}),
    ]
    assert service.lane().filtered == {"unsupported_type": 1}
    assert all(sdks.is_near(event, datetime.now(UTC)) for event in events.values())


@pytest.mark.parametrize("strategy", ["single", "batching"])
def test_each_call_of_the_browser_sdk_becomes_what_it_shall(
    door: Service, sandbox: Sandbox, browser: Browser, strategy: str
) -> None:
    """A page, an identify, a track, a group, an alias, and a track after reset; at the right time by a slow clock."""
    with proxy.running(door.url) as between:
        browser.open(f"sdks/calls.html?host={between.host}&key={sdks.WRITE_KEY}&{strategy}", slow_hours=2)
        calls_arrived(door, sandbox)

    assert {post.path for post in between.posts} == (
        {"/v1/b"} if strategy == "batching" else {f"/v1/{letter}" for letter in "pitga"}
    )


@pytest.mark.parametrize("strategy", ["single", "batching"])
@pytest.mark.parametrize("trouble", ["limited", "dropped", "lost"])
def test_the_browser_sdk_tries_again_after_trouble(
    door: Service, sandbox: Sandbox, browser: Browser, strategy: str, trouble: str
) -> None:
    """A post that met 429, had no answer, or whose answer was lost comes again, and each event once."""
    with proxy.running(door.url, trouble) as between:
        browser.open(f"sdks/calls.html?host={between.host}&key={sdks.WRITE_KEY}&{strategy}")
        calls_arrived(door, sandbox)

    again = next(post for post in between.posts if post.retry)
    assert again.path == between.posts[0].path
    if trouble == "limited":
        assert again.at - between.posts[0].at >= proxy.WAIT_SECONDS


def test_the_readme_tells_the_truth_about_the_browser_sdk(
    door: Service, sandbox: Sandbox, browser: Browser
) -> None:
    """Its example, with the service's address and key, delivers an event."""
    code = sdks.example("@segment/analytics-next", door.url)
    (browser.site / "readme.html").write_text(SNIPPET.format(code=code))

    browser.open("readme.html")

    sdks.the_example_arrived(door, sandbox)
