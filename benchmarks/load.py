"""Load from wrk, in a process of its own."""

import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.service import SECRET

_HERE = Path(__file__).parent
#: A track call as analytics.js sends it, on one line; MESSAGE_ID stands where its id comes.
MESSAGE = (_HERE / "message.json").read_text()
_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Posted:
    """What wrk saw: requests a second, and how long answers took, in ms."""

    rate: float
    p50_ms: float
    p99_ms: float


def post(url: str, seconds: float, *, messages: int = 1, rate: float | None = None) -> Posted:
    """Posts to a door for so long; every answer must be 200.

    Args:
        url: of the door's host.
        seconds: how long.
        messages: in a request.
        rate: of requests a second, about, arriving by chance; None: as many as are answered.
    """
    pause_ms = _CONNECTIONS / rate * 1000 if rate else 0.0
    arguments = (secrets.token_hex(4), str(messages), str(pause_ms), str(_HERE / "message.json"), SECRET)
    options = ("-t1", f"-c{_CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(_HERE / "post.lua"))
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
    return Posted(said["requests"] / said["seconds"], said["p50_ms"], said["p99_ms"])
