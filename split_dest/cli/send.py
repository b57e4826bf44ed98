"""``split-dest send``."""

from typing import Any

import click
import orjson
import urllib3

from split_dest.cli import layout, messages
from split_dest.cli.options import EXAMPLES, example
from split_dest.cli.progress import shown
from split_dest.outlets.http import USER_AGENT
from split_dest.segment.payload import Unreadable

_BATCH = 100
#: Of the reason that an endpoint gives.
_MAX_CHARS = 600
#: What the endpoint counts, and how a person reads it.
_NAMES = {"accepted": "accepted", "duplicates": "duplicates", "set_aside": "kept as dead letters"}


_EXAMPLE = "split-dest send messages.jsonl --to http://127.0.0.1:8000/webhook/web --authorization SECRET"


@click.command(epilog=f"{EXAMPLES}\n\n{example(_EXAMPLE)}")
@click.argument("file")
@click.option("--to", "url", required=True, help="The endpoint: http://…/webhook/<destination>.")
@click.option(
    "--authorization", required=True, envvar="SPLIT_DEST_AUTHORIZATION", show_envvar=True, help="Its secret."
)
def send(file: str, url: str, authorization: str) -> None:
    """Post the messages of a file to an endpoint.

    They are sent a hundred a request. FILE holds what `preview` reads; - is standard input.
    """
    if not url.startswith(("http://", "https://")):
        raise click.UsageError("--to must be an address that begins with http:// or https://")
    texts = [m.text if isinstance(m, Unreadable) else orjson.dumps(m) for m in messages.read(file)]
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    totals = dict.fromkeys(_NAMES, 0)
    with urllib3.PoolManager(timeout=30, retries=False) as http:
        for batch in shown(batches, "sending", len(batches)):
            answer = _post(http, url, authorization, b"[" + b",".join(batch) + b"]")
            for name in totals:
                totals[name] += answer.get(name, 0)
    counts = ", ".join(f"{totals[name]:,} {text}" for name, text in _NAMES.items())
    click.echo(f"{len(texts):,} sent: {counts}")


def _post(http: urllib3.PoolManager, url: str, authorization: str, body: bytes) -> dict[str, Any]:
    headers = {"Authorization": authorization, "Content-Type": "application/json", "User-Agent": USER_AGENT}
    try:
        answer = http.request("POST", url, body=body, headers=headers, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(f"{url} can't be reached: {type(error).__name__}") from error
    except ValueError as error:
        raise click.ClickException("the secret holds a character that no HTTP header can hold") from error
    reply = _object(answer.data)
    if answer.status != 200:
        raise click.ClickException(f"{url} answered {answer.status}: {_reason(reply)}")
    if "accepted" not in reply:
        raise click.ClickException(f"{url} answered 200, but is no endpoint; nothing may have been accepted")
    return reply


def _reason(reply: dict[str, Any]) -> str:
    return layout.printable(str(reply.get("message", "no reason given")), _MAX_CHARS)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
