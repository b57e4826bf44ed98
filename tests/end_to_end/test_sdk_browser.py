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


def visit(endpoint: Service, sandbox: Sandbox) -> None:
    """Wait for what visit.html becomes: somebody anonymous at first, then known, then somebody new."""
    endpoint.wait_until(lambda: (endpoint.lane().delivered, endpoint.lane("identities").delivered) == (3, 2))
    events = {(each["eventTypeId"], each["trafficTypeName"]): each for each in sandbox.received("events")}
    assert len(events) == len(sandbox.received("events")) == 4
    page = events["view_Pricing_page", "anonymous"]
    order, same = events["Order_Completed", "user"], events["Order_Completed", "anonymous"]
    assert (order["key"], order["value"]) == ("u-1", 39.95)
    assert same["key"] == page["key"] != events["Came_Back", "anonymous"]["key"]
    assert sdks.identities(sandbox) == [
        ("tt-account", "acme", {"industry": "Tea"}),
        ("tt-anonymous", page["key"], {"plan": "gold"}),
        ("tt-user", "u-1", {"plan": "gold"}),
    ]
    assert endpoint.lane().filtered == {"unsupported_type": 1}
    assert [event for event in events.values() if not sdks.is_near(event, datetime.now(UTC))] == []


@pytest.mark.parametrize("strategy", ["single", "batching"])
def test_each_call_of_the_browser_sdk_becomes_what_it_shall(
    endpoint: Service, sandbox: Sandbox, browser: Browser, strategy: str
) -> None:
    """A page, an identify, a track, a group, an alias, and a track after reset, and nothing to anybody else.

    The visitor's clock is two hours slow; the events' times are right.
    """
    with proxy.running(endpoint.url) as between:
        browser.open(f"sdks/visit.html?host={between.host}&key={sdks.WRITE_KEY}&{strategy}", slow_hours=2)
        visit(endpoint, sandbox)
        hosts = browser.close()

    assert hosts == {between.host, browser.host}
    letters = "b" if strategy == "batching" else "pitga"
    assert {post.path for post in between.posts} == {f"/v1/{letter}" for letter in letters}


@pytest.mark.parametrize("strategy", ["single", "batching"])
@pytest.mark.parametrize("trouble", ["limited", "dropped", "lost"])
def test_the_browser_sdk_tries_again_after_trouble(
    endpoint: Service, sandbox: Sandbox, browser: Browser, strategy: str, trouble: str
) -> None:
    """A post that met 429, had no answer, or whose answer was lost comes again, and each event once."""
    with proxy.running(endpoint.url, trouble) as between:
        browser.open(f"sdks/clicks.html?host={between.host}&key={sdks.WRITE_KEY}&{strategy}")
        endpoint.wait_until(lambda: any(post.retry for post in between.posts))
        endpoint.wait_until(lambda: trouble != "lost" or endpoint.lane().duplicate > 0)
        endpoint.wait_until(lambda: endpoint.lane().delivered == 5)
        browser.close()

    came = sorted(event["properties"]["number"] for event in sandbox.received("events"))
    assert came == [0, 1, 2, 3, 4]
    again = next(post for post in between.posts if post.retry)
    assert again.path == between.posts[0].path
    if trouble == "limited":
        assert again.at - between.posts[0].at >= proxy.WAIT_SECONDS


def test_the_readme_tells_the_truth_about_the_browser_sdk(
    endpoint: Service, sandbox: Sandbox, browser: Browser
) -> None:
    """Its example, with the service's address and key, delivers an event."""
    code = sdks.example("@segment/analytics-next", endpoint.url)
    (browser.site / "readme.html").write_text(SNIPPET.format(code=code))

    browser.open("readme.html")

    sdks.the_example_arrived(endpoint, sandbox)
