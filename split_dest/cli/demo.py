"""``split-dest demo``."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from split_dest import config, embedded_redis
from split_dest.cli.options import example
from split_dest.cli.processes import Processes, call, free_port, terminate_like_interrupt
from split_dest.mapping import Mapped, to_split
from split_dest.mapping.rules import Rules
from split_dest.sandbox import Keys
from split_dest.segment import message

_ARRIVE_SECONDS = 20.0
_FILES = resources.files("split_dest.cli")


@click.command(epilog=example("split-dest demo --keep"))
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, and say how to reach it.")
def demo(keep: bool) -> None:
    """Starts Redis, a stand-in for Split, the door and a worker on this machine, and sends example messages.

    A table shows what each became in Split. Needs no account, no other service and no network; exits with 0 only
    if everything arrived.
    """
    terminate_like_interrupt()
    folder = Path(tempfile.mkdtemp(prefix="split-dest-demo-"))
    try:
        _demonstrate(folder, keep)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _demonstrate(folder: Path, keep: bool) -> None:
    door, sandbox = (f"http://127.0.0.1:{free_port(port)}" for port in (8000, 8100))
    secret = secrets.token_urlsafe(16)
    environ = {**os.environ, **_variables(folder, sandbox, secret)}
    started = time.monotonic()
    with Processes(folder, environ) as processes:
        click.echo("Starting Redis, the sandbox, web and worker.")
        _start(processes, folder, door, sandbox)
        click.echo(f"All run after {time.monotonic() - started:.1f} s; sending the example messages.")
        rules = config.load(Path(environ["SPLIT_DEST_CONFIG"]), environ).destinations["demo"].rules
        _send_and_show(door, sandbox, secret, rules)
        if keep:
            _keep(processes, door, sandbox, secret)


def _variables(folder: Path, sandbox: str, secret: str) -> dict[str, str]:
    settings = folder / "demo.yaml"
    settings.write_text((_FILES / "demo.yaml").read_text())
    return {
        "SPLIT_DEST_CONFIG": str(settings),
        "DEMO_DATA_DIR": str(folder / "redis"),
        "DEMO_SANDBOX": sandbox,
        "DEMO_SECRET": secret,
        "DEMO_SDK_KEY": Keys().sdk_key,
        "DEMO_ADMIN_KEY": Keys().admin_key,
        "DEMO_WRITE_KEY": Keys().write_key,
        "WORKER_CONCURRENCY": "1",
    }


def _start(processes: Processes, folder: Path, door: str, sandbox: str) -> None:
    python = sys.executable
    processes.start("redis", embedded_redis.command(str(folder / "redis")))
    processes.start("sandbox", [python, "-m", "split_dest", "sandbox", "--port", sandbox.rpartition(":")[2]])
    web = ["gunicorn", "--config", "python:split_dest.web.gunicorn", "--bind", door.removeprefix("http://")]
    processes.start("web", [python, "-m", *web, "split_dest.web:create_app()"])
    processes.start("worker", [python, "-m", "workers"])
    processes.wait_for(f"{sandbox}/_sandbox/counts")
    processes.wait_for(f"{door}/readyz")


def _send_and_show(door: str, sandbox: str, secret: str, rules: Rules) -> None:
    examples = [message.load(orjson.loads(line)) for line in (_FILES / "examples.jsonl").read_bytes().splitlines()]
    _post(f"{door}/webhook/demo", secret, orjson.dumps([sent.fields for sent in examples]))
    expected = [(sent, to_split(sent, rules, 0)) for sent in examples]
    received = _wait_for(sandbox, expected)
    complete = all(_has_all(received, mapped) for _, mapped in expected)
    Console().print(_table(expected, received))
    if not complete:
        raise click.ClickException(f"not everything arrived within {_ARRIVE_SECONDS:.0f} s")
    click.echo("Everything arrived.")


def _post(url: str, secret: str, body: bytes) -> None:
    answer = call("POST", url, body, {"Authorization": secret})
    if answer.status != 200:
        raise click.ClickException(f"{url} answered {answer.status}")


def _wait_for(sandbox: str, expected: list[tuple[message.Message, Mapped]]) -> set[tuple[str, ...]]:
    ends = time.monotonic() + _ARRIVE_SECONDS
    received = _received(sandbox)
    while time.monotonic() < ends and not all(_has_all(received, mapped) for _, mapped in expected):
        time.sleep(0.05)
        received = _received(sandbox)
    return received


def _received(sandbox: str) -> set[tuple[str, ...]]:
    events, identities = (_listed(sandbox, kind) for kind in ("events", "identities"))
    return {("event", e["eventTypeId"], e["trafficTypeName"], e["key"]) for e in events} | {
        ("identity", i["trafficType"], i["key"]) for i in identities
    }


def _listed(sandbox: str, kind: str) -> list[dict[str, Any]]:
    return list(orjson.loads(call("GET", f"{sandbox}/_sandbox/received?kind={kind}").data))


def _marks(mapped: Mapped) -> list[tuple[str, ...]]:
    events = [("event", e.event_type_id, e.traffic_type_name, e.key) for e in mapped.events]
    return [*events, *(("identity", i.traffic_type, i.key) for i in mapped.identities)]


def _has_all(received: set[tuple[str, ...]], mapped: Mapped) -> bool:
    return all(mark in received for mark in _marks(mapped))


def _table(expected: list[tuple[message.Message, Mapped]], received: set[tuple[str, ...]]) -> Table:
    table = Table("Segment message", "in Split", "arrived")
    for sent, mapped in expected:
        said = sent.fields.get("event") or sent.fields.get("name") or ""
        title = f"{sent.type} {said}".strip()
        for mark in _marks(mapped):
            table.add_row(title, f"{mark[0]} {' / '.join(mark[1:])}", "yes" if mark in received else "no")
            title = ""
        if mapped.dropped:
            table.add_row(title, f"nothing: {mapped.dropped}", "-")
        table.add_section()
    return table


def _keep(processes: Processes, door: str, sandbox: str, secret: str) -> None:
    click.echo(f"""
Door:         {door}/webhook/demo
Secret:       {secret}
SDKs:         host {door}, write key demo
Impressions:  {door}/impressions/demo-flags?token={secret}
Sandbox:      {sandbox}/_sandbox/received?kind=events
Metrics:      {door}/metrics

Try it:
  curl -sS {door}/webhook/demo -H 'Authorization: {secret}' -d '{{"type":"track","event":"Hello","userId":"u-1"}}'

Ctrl-C ends everything.""")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while True:
            processes.check()
            time.sleep(1)
