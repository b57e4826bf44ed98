"""sandbox: as a command of its own."""

import orjson
import pytest
import urllib3

from split_dest.cli.processes import call
from split_dest.outlets.http import Http
from split_dest.outlets.split_events import request
from tests.cli.typed import descendants, interrupted, listening, ran, start, wait_until
from tests.support.sandbox import event, free_port


def test_the_sandbox_serves_until_ctrl_c():
    """It says where it is, knows the keys that it was given, and ends with exit code 0; on loopback alone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    wide = {"GUNICORN_CMD_ARGS": "--bind 0.0.0.0:0", "HOST": "0.0.0.0"}  # noqa: S104 (what must not be followed)
    running = start("sandbox", "--port", port, "--sdk-key", "mine", environ=wide)
    said = running.stdout.readline().decode()
    http = Http(5)
    wait_until(lambda: listens(url))

    taken = http.send(request(f"{url}/api", "mine", [orjson.dumps(event())]))
    with pytest.raises(Exception, match="key_refused"):
        http.send(request(f"{url}/api", "another", []))
    addresses = listening([running.pid, *descendants(running.pid)])
    found = interrupted(running)

    assert addresses == {"127.0.0.1"}
    assert said.startswith(f"Sandbox at {url}: events at /api, Admin API at /internal/api/v2, Segment at /v1")
    assert taken.status in (200, 202)
    assert (found.code, found.err) == (0, "")


def test_the_sandbox_has_no_option_for_another_address():
    """It takes what anybody sends, so it can't be asked to listen to more than this machine."""
    typed = ran("sandbox", "--host", "0.0.0.0")  # noqa: S104 (what must be refused)

    assert typed.code == 2
    assert "No such option" in typed.err


def listens(url: str) -> bool:
    """True once somebody answers."""
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False
