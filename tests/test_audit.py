"""The audit of the locked lists, against an index of advisories on this machine."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import free_port

ROOT = Path(__file__).parents[1]
VULNERABLE = {
    "id": "PYSEC-0",
    "summary": "Sample.",
    "affected": [
        {
            "package": {"name": "flask", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
        }
    ],
}


@contextmanager
def index(answers: dict[str, Any], status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Serve the advisories of packages by name, and return its address and whom it was asked for."""
    asked: list[str] = []

    class Index(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            asked.append(name)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(name, {})).encode())

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
    server.shutdown()
    server.server_close()


def audit(address: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Ask an index about the locked packages."""
    environ = {**os.environ, "ADVISORIES": address, "BIN": str(Path(sys.executable).parent), "HOME": str(tmp_path)}
    return subprocess.run(
        [ROOT / ".ci/audit"], env=environ, capture_output=True, text=True, check=False, timeout=200
    )


def test_a_known_vulnerability_fails(tmp_path: Path) -> None:
    """The package is named, and what fixes it."""
    with index({"flask": {"vulns": [VULNERABLE]}}) as (address, _):
        found = audit(address, tmp_path)

    assert found.returncode == 1
    assert "flask" in found.stdout
    assert "PYSEC-0" in found.stdout
    assert "99" in found.stdout


def test_every_locked_package_is_asked_for(tmp_path: Path) -> None:
    """Those of both lists, but for what another system or Python would need; and then all is well."""
    with index({}) as (address, asked):
        found = audit(address, tmp_path)

    assert found.returncode == 0
    assert locked("requirements.txt") <= locked("requirements-dev.txt")
    assert {"flask", "redis", "rq", "gunicorn", "marshmallow", "pytest", "schemathesis"} <= set(asked)


def locked(name: str) -> set[str]:
    """Return the packages of a locked list, each with its version."""
    return {line.split()[0] for line in (ROOT / name).read_text().splitlines() if re.match(r"[a-z]", line)}


@pytest.mark.parametrize("status", [403, 502])
def test_no_index_is_no_finding(tmp_path: Path, status: int) -> None:
    """Where nobody listens, or only a proxy that refuses, nothing fails and nothing is said."""
    with index({}, status) as (address, _):
        refused = audit(address, tmp_path)
    nobody = audit(f"http://127.0.0.1:{free_port()}/v1/query", tmp_path)

    assert [(each.returncode, each.stdout, each.stderr) for each in (refused, nobody)] == [(0, "", "")] * 2
