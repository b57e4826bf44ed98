"""Segment's own SDKs: where they are, the settings they post to, and the README's examples of them."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.support.service import Service

SDKS = Path(__file__).parents[1] / "sdks"
WRITE_KEY = "wk-test"
SETTINGS = f"""\
    write_keys: [{WRITE_KEY}]
    map_identities: {{userId: user, anonymousId: anonymous, groupId: account}}
    track: {{value: properties.revenue}}
"""

#: In CI nothing is left out: what lacks there fails.
_MAY_LACK = os.environ.get("CI") != "true"
needs_node = pytest.mark.skipif(
    _MAY_LACK and not (shutil.which("node") and (SDKS / "node_modules").exists()),
    reason="needs Node 18 or newer, and its packages, which `make test` installs where npm is",
)
needs_chromium = pytest.mark.skipif(
    _MAY_LACK and not shutil.which("chromium"), reason="needs Chromium (apt install chromium)"
)


def example(library: str, url: str) -> str:
    """Return the README's example that uses a library, with a service's URL and the write key in it."""
    readme = (SDKS.parents[1] / "README.md").read_text()
    section = readme.partition("## Point an SDK here")[2].partition("\n## ")[0]
    (code,) = [code for code in re.findall(r"```\w+\n(.*?)```", section, re.DOTALL) if library in code]
    host = url.removeprefix("http://")
    for placeholder, value in {
        "<write key>": WRITE_KEY,
        "https://<your host>": url,
        "'<your host>/v1'": f"'{host}/v1', protocol: 'http'",
    }.items():
        code = code.replace(placeholder, value)
    assert WRITE_KEY in code
    assert "<" not in code
    return code


def node(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start Node in the folder of the SDKs; what it complains of goes to the test's own output."""
    command = [shutil.which("node") or "node", *arguments]
    return subprocess.Popen(command, cwd=SDKS, text=True, stdout=subprocess.PIPE, **options)


def six_calls_arrived(service: Service, sandbox: Sandbox, tracked: datetime) -> None:
    """Wait for what the six calls of a server's SDK become in Split.

    Args:
        service: that has the calls.
        sandbox: Split's stand-in.
        tracked: the time that the track call told; the others told none.
    """
    service.wait_until(lambda: (service.lane().delivered, service.lane("identities").delivered) == (3, 2))
    events = {event["eventTypeId"]: event for event in sandbox.received("events")}
    assert set(events) == {"Order_Completed", "view_Pricing_page", "viewed_Settings_screen"}
    assert {(event["trafficTypeName"], event["key"]) for event in events.values()} == {("user", "u-1")}
    order = events.pop("Order_Completed")
    assert (order["value"], order["properties"]) == (39.95, {"revenue": 39.95})
    assert is_near(order, tracked)
    assert [event for event in events.values() if not is_near(event, datetime.now(UTC))] == []
    assert identities(sandbox) == [
        ("tt-account", "acme", {"industry": "Tea"}),
        ("tt-user", "u-1", {"plan": "gold"}),
    ]
    assert service.lane().filtered == {"unsupported_type": 1}


def the_example_arrived(service: Service, sandbox: Sandbox) -> None:
    """Wait for the order that each example of the README tells."""
    service.wait_until(lambda: sandbox.received("events") != [])
    orders = [event for event in sandbox.received("events") if event["trafficTypeName"] == "user"]
    assert [(order["key"], order["eventTypeId"], order["value"]) for order in orders] == [
        ("u-1", "Order_Completed", 39.95)
    ]


def identities(sandbox: Sandbox) -> list[tuple[str, str, dict[str, str]]]:
    """Return each identity that came: its traffic type's id, its key, its attributes."""
    return sorted((each["trafficTypeId"], each["key"], each["values"]) for each in sandbox.received("identities"))


def is_near(event: dict[str, Any], time: datetime) -> bool:
    """Return whether an event's time is within seconds of another."""
    return abs(event["timestamp"] / 1000 - time.timestamp()) < 5
