"""``split-dest sandbox``."""

import os
import shlex
import textwrap

import click

from split_dest.cli.options import example
from split_dest.sandbox import Keys, describe_faults, listen, serve

_KEYS = Keys()
_FAULTS = "\n".join(
    textwrap.fill(f"{name:<11} {text}", 76, initial_indent="  ", subsequent_indent=" " * 14)
    for name, text in describe_faults().items()
)
_HELP = f"""Stand in for Split and for Segment on this machine, so that you can try everything without an account.

At the start it prints the settings that lead to it. Its Split account has the workspace ws-1 and the
environments Production and Staging; it accepts the keys below and rejects all others.

\b
What arrived, as JSON (kinds: events, identities, impressions, tracks):
  curl 'http://127.0.0.1:8100/_sandbox/received?kind=events'
  curl http://127.0.0.1:8100/_sandbox/counts
  curl -X DELETE http://127.0.0.1:8100/_sandbox/received

\b
Faults make it fail as Split and Segment can. PUT replaces all faults by one
or by an array, of which the first that concerns a call applies:
  curl -X PUT http://127.0.0.1:8100/_sandbox/faults \\
    -d '{{"api": "events", "status": 503, "retryAfter": 2, "times": 3}}'
  curl -X DELETE http://127.0.0.1:8100/_sandbox/faults

\b
The fields of a fault; api and one of status, delayMs, drop and failKeys are
required:
{_FAULTS}
"""
_SETTINGS = """\
Sandbox at {url}, until Ctrl-C. Put this into the settings:

split:
  events_url: {url}/api
  admin_url: {url}/internal/api/v2
segment:
  url: {url}/v1

this into a destination of the settings:

split:
  sdk_key: ${{SPLIT_SDK_KEY}}
  admin_key: ${{SPLIT_ADMIN_KEY}}
  workspace_id: ws-1
  environment: Production

and this into the environment:

export SPLIT_SDK_KEY={sdk_key}
export SPLIT_ADMIN_KEY={admin_key}
export SEGMENT_WRITE_KEY={write_key}
"""


@click.command(help=_HELP, epilog=example("split-dest sandbox --port 8100"))
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
@click.option("--sdk-key", default=_KEYS.sdk_key, show_default=True, help="Key of the events API.")
@click.option("--admin-key", default=_KEYS.admin_key, show_default=True, help="Key of the Admin API.")
@click.option("--write-key", default=_KEYS.write_key, show_default=True, help="Segment's write key.")
def sandbox(port: int, **keys: str) -> None:  # noqa: D103 (its help is above)
    try:
        listener = listen(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise click.ClickException(f"Port {port} can't be used: {reason}. Choose another with --port.") from error
    quoted = {name: shlex.quote(key) for name, key in keys.items()}
    click.echo(_SETTINGS.format(url=f"http://127.0.0.1:{port}", **quoted))
    serve(listener, Keys(**keys))
