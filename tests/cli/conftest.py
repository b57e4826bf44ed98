"""Commands with the settings of a test, and dead letters that the real endpoint made."""

import sys
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from split_dest import config
from split_dest.cli import main
from split_dest.web import create_app
from tests.cli.terminal import Terminal
from tests.support.commands import Ended, end_all, environment, start
from tests.support.sandbox import Sandbox
from tests.support.service import SECRET, Service


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process, which spares the second that a new one takes to start."""

    def run(*arguments: object, text: bytes = b"", environ: dict[str, str] | None = None) -> Ended:
        for name in set(environment()) ^ set(environment(environ)):
            monkeypatch.setenv(name, (environ or {})[name])
        monkeypatch.setattr(sys, "argv", ["split-dest", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text)))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal that is closed after the test."""
    opened = Terminal()
    yield opened
    opened.close()


@pytest.fixture
def run_shown(terminal: Terminal, settings: Service) -> Callable[..., int]:
    """Run a command in the terminal, where a person may type something; return its exit code."""

    def run(*arguments: object, typing: str = "") -> int:
        pipes = dict.fromkeys(["stdin", "stdout", "stderr"], terminal.end)
        terminal.type(typing)
        return start(*arguments, environ=settings.environ | {"TERM": "xterm"}, **pipes).wait(30)

    return run


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """End what a test started, even if it failed."""
    yield
    end_all()


@pytest.fixture
def settings(make_service: Callable[..., Service]) -> Service:
    """A service of which nothing runs yet: its settings file and its variables."""
    return make_service()


@pytest.fixture
def working(settings: Service) -> Service:
    """The whole service at work: one web process and one worker."""
    settings.start_web()
    settings.start_workers(1)
    return settings


@pytest.fixture
def command(typed: Callable[..., Ended], settings: Service) -> Callable[..., Ended]:
    """Run a command of this process with the test's settings."""

    def run(*arguments: object, text: bytes = b"") -> Ended:
        return typed(*arguments, "--config", settings.file, text=text, environ=_given(settings))

    return run


def _given(settings: Service) -> dict[str, str]:
    return {name: value for name, value in settings.environ.items() if name.startswith("TEST_")}


@pytest.fixture
def endpoint(settings: Service) -> Callable[..., Any]:
    """Post messages through the endpoint's own application, without a web server around it."""
    client = create_app(config.load(settings.file, settings.environ)).test_client()

    def post(*messages: Any, name: str = "web") -> Any:
        answer = client.post(f"/webhook/{name}", json=list(messages), headers={"Authorization": SECRET})
        assert answer.status_code == 200
        return answer.get_json()

    return post


@pytest.fixture
def away(tmp_path: Path, sandbox: Sandbox) -> Path:
    """Settings that lead to no Redis, and to the sandbox."""
    file = tmp_path / "away.yaml"
    file.write_text(
        f"redis: {{url: unix://{tmp_path}/nobody.sock}}\n"
        f'split: {{events_url: "{sandbox.url}/api", admin_url: "{sandbox.url}/internal/api/v2"}}\n'
        'destinations: {web: {authorization: ["${TEST_SECRET}"], split: {sdk_key: "${TEST_SDK_KEY}",'
        ' admin_key: "${TEST_ADMIN_KEY}", workspace_id: ws-1, environment: Production}}}\n'
    )
    return file
