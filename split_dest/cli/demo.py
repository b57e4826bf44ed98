"""``split-dest demo``."""

import os
import secrets
import shlex
import shutil
import sys
import time
from contextlib import suppress
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from split_dest import config, embedded_redis
from split_dest.cli.options import example
from split_dest.cli.processes import (
    Processes,
    call,
    free_port,
    interrupted_by_signals,
    python,
    web_command,
    worker_command,
)
from split_dest.mapping import Mapped, to_split
from split_dest.mapping.rules import Rules
from split_dest.sandbox import Keys
from split_dest.segment import message
from split_dest.terminal import unescaped

_ARRIVE_SECONDS = 20.0
_FILES = resources.files("split_dest.cli")


@click.command(epilog=example("split-dest demo --keep"))
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, and print how to reach it.")
def demo(keep: bool) -> None:
    """Start Redis, a stand-in for Split, web and a worker on this machine, and send example messages.

    A table shows what each became in Split. Needs no account, no other service and no network; exits with 0 only
    if everything arrived.
    """
    with (
        interrupted_by_signals(),
        TemporaryDirectory(prefix="split-dest-demo-", ignore_cleanup_errors=True) as folder,
    ):
        _demonstrate(Path(folder), keep)


def _demonstrate(folder: Path, keep: bool) -> None:
    web, sandbox = (f"http://127.0.0.1:{free_port(port)}" for port in (8000, 8100))
    secret = secrets.token_urlsafe(16)
    settings = _settings(folder, sandbox, secret)
    environ = {**os.environ, "SPLIT_DEST_CONFIG": str(settings), "WORKER_CONCURRENCY": "1"}
    started = time.monotonic()
    with Processes(folder, environ) as processes:
        click.echo("Starting Redis, the sandbox, web and worker.")
        _start(processes, folder, web, sandbox)
        click.echo(f"Everything is up ({time.monotonic() - started:.1f} s); sending the example messages.")
        _send_and_show(web, sandbox, secret, config.load(settings).destinations["demo"].rules)
        if keep:
            _keep(processes, web, sandbox, secret, settings)


def _settings(folder: Path, sandbox: str, secret: str) -> Path:
    """Write a settings file that needs no variable, so that any command can be tried with it, and its secrets."""
    keys = Keys()
    values = {"secret": secret, "sdk-key": keys.sdk_key, "admin-key": keys.admin_key, "write-key": keys.write_key}
    for name, value in values.items():
        (folder / name).write_text(value)
    text = (_FILES / "demo.yaml").read_text("utf-8")
    settings = folder / "demo.yaml"
    settings.write_text(text.replace("<folder>", str(folder)).replace("<sandbox>", sandbox), "utf-8")
    return settings


def _start(processes: Processes, folder: Path, web: str, sandbox: str) -> None:
    processes.start("redis", embedded_redis.command(str(folder / "redis")), is_last=True)
    port = sandbox.rpartition(":")[2]
    processes.start("sandbox", [*python("split_dest"), "sandbox", "--port", port], is_last=True)
    processes.start("web", web_command(web.removeprefix("http://")))
    processes.start("worker", worker_command())
    processes.wait_for(f"{sandbox}/_sandbox/counts")
    processes.wait_for(f"{web}/readyz")


def _send_and_show(web: str, sandbox: str, secret: str, rules: Rules) -> None:
    examples = [message.load(orjson.loads(line)) for line in (_FILES / "examples.jsonl").read_bytes().splitlines()]
    _post(f"{web}/webhook/demo", secret, orjson.dumps([sent.fields for sent in examples]))
    expected = [(sent, to_split(sent, rules, 0)) for sent in examples]
    received = _wait_for(sandbox, expected)
    complete = all(_has_all(received, mapped) for _, mapped in expected)
    Console(file=unescaped(sys.stdout)).print(_table(expected, received))
    if not complete:
        raise click.ClickException(f"not everything arrived within {_ARRIVE_SECONDS:.0f} s")
    click.echo("Everything arrived.")


def _post(url: str, secret: str, body: bytes) -> None:
    response = call("POST", url, body, {"Authorization": secret})
    if response.status != 200:
        raise click.ClickException(f"{url} answered {response.status}")


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
        name = sent.fields.get("event") or sent.fields.get("name") or ""
        title = f"{sent.type} {name}".strip()
        for mark in _marks(mapped):
            table.add_row(title, f"{mark[0]} {' / '.join(mark[1:])}", "yes" if mark in received else "no")
            title = ""
        if mapped.dropped:
            table.add_row(title, f"nothing: {mapped.dropped}", "-")
        table.add_section()
    return table


def _keep(processes: Processes, web: str, sandbox: str, secret: str, settings: Path) -> None:
    curl = f"curl -sS {web}/webhook/demo -H 'Authorization: {secret}' -d"
    click.echo(f"""
Endpoint:      {web}/webhook/demo
Secret:        {secret}
SDKs:          host {web}, write key demo
Impressions:   {web}/impressions/demo-flags?token={secret}
Sandbox:       {sandbox}/_sandbox/received?kind=events
Metrics:       {web}/metrics
Status:        {_typed("status", "--config", str(settings))}
Dead letters:  {_typed("dead", "list", "--config", str(settings))}

Send a message:
  {curl} '{{"type":"track","event":"Hello","userId":"u-1"}}'
Send one that becomes a dead letter:
  {curl} '{{"type":"track","event":"Hello","userId":{{}}}}'

Ctrl-C ends everything.""")
    in_terminal = sys.stdout.isatty()
    with suppress(KeyboardInterrupt):
        # A closed terminal sends SIGHUP to the first process in it alone. Under `xterm -e make run` that is make,
        # which does not pass it on, and waits for us.
        while sys.stdout.isatty() == in_terminal:
            processes.check()
            time.sleep(1)


def _typed(*words: str) -> str:
    """Return what to type for a command in another terminal, in the same folder."""
    script = Path(sys.argv[0])
    if script.name != "split-dest":
        return shlex.join([sys.executable, "-m", "split_dest", *words])
    return shlex.join([script.name if shutil.which(script.name) == str(script) else str(script), *words])
