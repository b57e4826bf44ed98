"""``split-dest check``."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from split_dest import config
from split_dest.cli import layout
from split_dest.cli.options import config_file, example
from split_dest.cli.store import different, store_of, warnings
from split_dest.config.settings import AdminAccess, Destination, Settings, Source
from split_dest.errors import REASONS, Refused, Remedy, StoreUnavailable
from split_dest.inbox import lanes, owners, redis_checks
from split_dest.outlets import segment_tracking, split_admin, split_events
from split_dest.outlets.http import HttpClient, Request

_NOT_REFUSED = "not refused, but Segment accepts unknown keys too; its source debugger shows what arrives"


@click.command(epilog=example("split-dest check --config config/production.yaml --live"))
@config_file
@click.option("--live", is_flag=True, help="Ask Redis, Split and Segment as well.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
def check(config_path: Path | None, live: bool, strict: bool) -> None:
    """Check the settings: every problem at once, with file, line, column and what to write instead.

    Warnings are about settings that work and are almost surely wrong.

    With --live, Redis is asked whether it keeps what it stores, and Split whether it knows the keys, the traffic
    types, the environment and the flags. Segment is sent an empty batch; a wrong write key shows only where
    Segment's answer refuses it, because it answers 200 to unknown keys. Nothing is written anywhere.
    """
    file = config_path or config.path()
    settings, advice = config.check(file)
    for warning in advice:
        click.echo(f"{warning.file}:{warning.line}:{warning.column}: warning: {warning.text}")
    destinations, sources = (", ".join(names) or "none" for names in (settings.destinations, settings.sources))
    click.echo(f"{file}: good; destinations: {destinations}; sources: {sources}")
    results = [_shown(*result) for result in _live(settings)] if live else []
    found = _warnings(settings) if live else []
    for text in found:
        click.echo(f"warning: {text}")
    if not all(results):
        raise click.ClickException("not ready for production: see above")
    number = len(advice) + len(found)
    if strict and number:
        raise click.ClickException(f"--strict: {number} warning{'s' * (number > 1)}")


def _shown(good: bool, text: str) -> bool:
    click.echo(f"{'good' if good else 'BAD '}  {text}")
    return good


def _live(settings: Settings) -> Iterator[tuple[bool, str]]:
    try:
        yield from redis_checks.findings(store_of(settings))
    except StoreUnavailable as error:
        yield False, error.detail
    http = HttpClient(settings.delivery.timeout_seconds)
    for name, destination in settings.destinations.items():
        for good, text in _of_split(destination, settings, http):
            yield good, f"{name}: {text}"
    for name, source in settings.sources.items():
        for good, text in _of_source(source, settings, http):
            yield good, f"{name}: {text}"


def _warnings(settings: Settings) -> list[str]:
    """Return what Redis holds of others than these settings: live workers, and messages that nobody delivers."""
    store, listed = store_of(settings), lanes.of(settings.destinations, settings.sources)
    try:
        return warnings(different(store, settings), owners.unlisted(store, listed), settings.redis.prefix)
    except StoreUnavailable:
        # Said already.
        return []


def _account(split: AdminAccess, settings: Settings) -> split_admin.Account | None:
    if split.admin_key is None or split.workspace_id is None:
        return None
    key = split.admin_key.reveal()
    return split_admin.Account(settings.split.admin_url, key, split.admin_header, split.workspace_id)


def _flags(http: HttpClient, account: split_admin.Account) -> tuple[bool, str]:
    try:
        split_admin.flag_page(http, account, 0)
    except Refused as refused:
        return False, f"admin key and workspace: {_why(refused)}"
    return True, "admin key and workspace: accepted"


def _of_split(destination: Destination, settings: Settings, http: HttpClient) -> Iterator[tuple[bool, str]]:
    split = destination.split
    if split.sdk_key is not None:
        # An empty array creates no event, and a wrong key is rejected all the same.
        request = split_events.request(settings.split.events_url, split.sdk_key.reveal(), [])
        yield _key(http, request, "SDK key", "accepted")
    account = _account(split, settings)
    if account is not None:
        yield from _admin(http, account, destination)


def _of_source(source: Source, settings: Settings, http: HttpClient) -> Iterator[tuple[bool, str]]:
    account = _account(source.split, settings)
    if account is not None:
        yield _flags(http, account)
    if source.write_key is not None:
        # An empty batch holds no message. Segment answers 200 to unknown keys, so only a refusal says something.
        request = segment_tracking.request(settings.segment.url, source.write_key.reveal(), [])
        yield _key(http, request, "write key", _NOT_REFUSED)


def _key(http: HttpClient, request: Request, what: str, good: str) -> tuple[bool, str]:
    """Try a key with a request that holds no record; it may be refused for that."""
    try:
        http.send(request)
    except Refused as refused:
        if refused.remedy is not Remedy.HALVE:
            return False, f"{what}: {_why(refused)}"
    return True, f"{what}: {good}"


def _admin(http: HttpClient, account: split_admin.Account, destination: Destination) -> Iterator[tuple[bool, str]]:
    try:
        traffic_types, environments = split_admin.look_up(http, account)
    except Refused as refused:
        yield False, f"admin key and workspace: {_why(refused)}"
        return
    yield True, "admin key and workspace: accepted"
    for name in sorted({*destination.rules.map_identities.values(), *(destination.rules.traffic_types or ())}):
        yield name in traffic_types, f"traffic type {name} (Split has: {_listed(traffic_types)})"
    environment = destination.split.environment
    if environment is not None:
        known = environment in environments or environment in environments.values()
        yield known, f"environment {environment} (Split has: {_listed(environments)})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(layout.printable, sorted(names)))


def _why(refused: Refused) -> str:
    return f"{REASONS[refused.code]} ({layout.said(refused.code, refused.detail, refused.words)})"
