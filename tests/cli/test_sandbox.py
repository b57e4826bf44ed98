"""sandbox: as a command of its own."""

import orjson
import pytest
import urllib3

from split_dest.cli.processes import call
from split_dest.outlets.http import Http
from split_dest.outlets.split_events import request
from tests.cli.typed import interrupted, start, wait_until
from tests.support.sandbox import event, free_port


def test_the_sandbox_serves_until_ctrl_c():
    """It says where it is, knows the keys that it was given, and ends with exit code 0."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    running = start("sandbox", "--port", port, "--sdk-key", "mine")
    said = running.stdout.readline().decode()
    http = Http(5)
    wait_until(lambda: listens(url))

    taken = http.send(request(f"{url}/api", "mine", [orjson.dumps(event())]))
    with pytest.raises(Exception, match="key_refused"):
        http.send(request(f"{url}/api", "another", []))
    found = interrupted(running)

    assert said.startswith(f"Sandbox at {url}: events at /api, Admin API at /internal/api/v2, Segment at /v1")
    assert taken.status in (200, 202)
    assert (found.code, found.err) == (0, "")


def listens(url: str) -> bool:
    """True once somebody answers."""
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False
