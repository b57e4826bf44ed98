"""Load from wrk, in a separate process."""

import json
import os
import secrets
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.yard import SECRET

_HERE = Path(__file__).parent
#: A track call as analytics.js sends it, on one line; MESSAGE_ID and USER_ID stand where those come.
TEMPLATE = (_HERE / "message.json").read_text().strip()
_USERS = 100_000
_CONNECTIONS = 32
#: At a fixed rate no request waits for a connection: at 3,000 a second, if all are answered within 0.08 s.
_PACED_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Posted:
    """What wrk saw: requests a second, for how many seconds, how long answers took, and how late requests left."""

    rate: float
    seconds: float
    p50_ms: float
    p99_ms: float
    late_p99_ms: float


def filled(template: str, one: str) -> str:
    """Return a message with this id, and a user that follows from it."""
    return template.replace("MESSAGE_ID", one).replace("USER_ID", f"{zlib.crc32(one.encode()) % _USERS:013x}")


def post(url: str, seconds: float, *, messages: int = 1, rate: float = 0) -> Posted:
    """Post to an endpoint for this long; every answer must be 200.

    Args:
        url: of the endpoint's host.
        seconds: how long.
        messages: in a request.
        rate: of requests a second, each due by chance, whenever those before it are answered; what arrives tells
            when it was due (``properties.due_ns``, by the monotonic clock). 0: no limit.
    """
    arguments = (str(secrets.randbits(31)), str(messages), str(rate), str(_HERE / "message.json"), SECRET)
    connections = _PACED_CONNECTIONS if rate else _CONNECTIONS
    options = ("-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(_HERE / "post.lua"))
    done = subprocess.run(
        ["wrk", *options, f"{url}/webhook/web", "--", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert not said["bad"], said
    return Posted(
        said["requests"] / said["seconds"], said["seconds"], said["p50_ms"], said["p99_ms"], said["late_p99_ms"]
    )
