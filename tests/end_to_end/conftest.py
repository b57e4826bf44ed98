"""Fixtures of the tests with Segment's SDKs."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import sdks
from tests.support.sandbox import Sandbox
from tests.support.service import Service


@pytest.fixture(scope="module")
def started_endpoint(make_lasting_service: Callable[..., Service]) -> Service:
    """The service at work for a destination that has a write key."""
    made = make_lasting_service(sdks.SETTINGS)
    made.start_web()
    made.start_workers()
    return made


@pytest.fixture
def endpoint(started_endpoint: Service, sandbox: Sandbox) -> Service:
    """The same service with nothing received."""
    del sandbox
    started_endpoint.forget()
    return started_endpoint


class _Files(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder whose pages a server gives, with the SDKs below it, and the server's address."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sdks").symlink_to(sdks.SDKS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Browser:
    """A running Chromium with one page at a time, and the folder and the address that its pages come from."""

    driver: subprocess.Popen[str]
    site: Path
    host: str

    def open(self, page: str, slow_hours: float = 0) -> None:
        """Open a page of the site in a new profile, with a clock that is so slow; wait until it has loaded."""
        self._tell(json.dumps({"url": f"http://{self.host}/{page}", "slow": slow_hours * 3_600_000}))

    def close(self) -> set[str]:
        """Close the page, forget its profile, and return the hosts that it asked for anything."""
        return self._tell("")

    def _tell(self, line: str) -> set[str]:
        print(line, file=self.driver.stdin, flush=True)
        return set(json.loads(self.driver.stdout.readline()))


@pytest.fixture(scope="session")
def started_browser(site: tuple[Path, str]) -> Iterator[Browser]:
    """One Chromium for all tests."""
    with sdks.node("browse.mjs", shutil.which("chromium") or "chromium", stdin=subprocess.PIPE) as driver:
        yield Browser(driver, *site)
        driver.stdin.close()


@pytest.fixture
def browser(started_browser: Browser) -> Iterator[Browser]:
    """A Chromium whose page is closed after the test."""
    yield started_browser
    started_browser.close()
