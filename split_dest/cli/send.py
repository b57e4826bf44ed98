"""``split-dest send``."""

from typing import Any

import click
import orjson
import urllib3

from split_dest.cli import messages
from split_dest.cli.options import example
from split_dest.cli.progress import shown
from split_dest.outlets.http import USER_AGENT
from split_dest.segment.payload import Unreadable

_BATCH = 100


@click.command(
    epilog=example("split-dest send messages.jsonl --to http://127.0.0.1:8000/webhook/web --authorization SECRET")
)
@click.argument("file")
@click.option("--to", "url", required=True, help="The door: http://…/webhook/<destination>.")
@click.option(
    "--authorization", required=True, envvar="SPLIT_DEST_AUTHORIZATION", show_envvar=True, help="Its secret."
)
def send(file: str, url: str, authorization: str) -> None:
    """Posts the messages of a file to a door, a hundred a request, and says what the door answered."""
    if not url.startswith(("http://", "https://")):
        raise click.UsageError("--to must be an address that begins with http:// or https://")
    found = [m.text if isinstance(m, Unreadable) else orjson.dumps(m) for m in messages.read(file)]
    batches = [found[start : start + _BATCH] for start in range(0, len(found), _BATCH)]
    totals = {"accepted": 0, "duplicates": 0, "set_aside": 0}
    with urllib3.PoolManager(timeout=30, retries=False) as http:
        for batch in shown(batches, "sending", len(batches)):
            answer = _post(http, url, authorization, b"[" + b",".join(batch) + b"]")
            for name in totals:
                totals[name] += answer.get(name, 0)
    click.echo(f"{len(found)} sent: " + ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in totals.items()))


def _post(http: urllib3.PoolManager, url: str, authorization: str, body: bytes) -> dict[str, Any]:
    headers = {"Authorization": authorization, "Content-Type": "application/json", "User-Agent": USER_AGENT}
    try:
        answer = http.request("POST", url, body=body, headers=headers, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"{url} can't be reached: {type(error).__name__}") from error
    except ValueError as error:
        raise click.ClickException("the secret holds a character that no HTTP header can hold") from error
    said = _object(answer.data)
    if answer.status != 200:
        raise click.ClickException(f"{url} answered {answer.status}: {said.get('message', 'no reason given')}")
    if "accepted" not in said:
        raise click.ClickException(f"{url} answered 200, but not as a door does; nothing may have been accepted")
    return said


def _object(text: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
