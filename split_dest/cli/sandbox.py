"""``split-dest sandbox``."""

import click

from split_dest.cli.options import example
from split_dest.sandbox import Keys, listen, serve


@click.command(epilog=example("split-dest sandbox --port 8100"))
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
@click.option("--sdk-key", default=Keys().sdk_key, show_default=True, help="The key of the events API.")
@click.option("--admin-key", default=Keys().admin_key, show_default=True, help="The key of the Admin API.")
@click.option("--write-key", default=Keys().write_key, show_default=True, help="Segment's write key.")
def sandbox(port: int, sdk_key: str, admin_key: str, write_key: str) -> None:
    """Stands in for Split and for Segment on this machine alone, so that all can be tried without an account.

    What came is listed at /_sandbox/received?kind=events|identities|impressions|tracks and counted at
    /_sandbox/counts; PUT /_sandbox/faults makes it fail in any way that the real ones do.
    """
    listener = listen(port)
    click.echo(
        f"Sandbox at http://127.0.0.1:{port}: events at /api, Admin API at /internal/api/v2, Segment at /v1"
    )
    serve(listener, Keys(sdk_key=sdk_key, admin_key=admin_key, write_key=write_key))
