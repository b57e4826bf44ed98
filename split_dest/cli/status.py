"""``split-dest status``."""

import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import orjson

from split_dest.cli import layout
from split_dest.cli.options import config_file, example, settings_of
from split_dest.cli.store import different, reached_store, unreachable, warnings
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import lanes, ledger
from split_dest.inbox.deployment import Differences
from split_dest.inbox.ledger import LaneNumbers, Ledger
from split_dest.inbox.store import Store
from split_dest.terminal import escaped, unescaped

_COLUMNS = ("received", "delivered", "filtered", "duplicate", "pending", "in flight", "dead", "oldest")
_MILLION = 1_000_000
#: How many codes of refused requests are named.
_MOST_CODES = 3
_NUMBERS = range(1, 1 + len(_COLUMNS))


@click.command(epilog=example("split-dest status --watch"))
@config_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table, with every lane.")
@click.option("--watch", is_flag=True, help="Show it again every second until Ctrl-C.")
def status(config_path: Path | None, as_json: bool, watch: bool) -> None:
    """Show every lane's numbers and what is wrong.

    First how many workers live, which lanes are paused and why, and what the endpoints refused; then the numbers
    of each lane; then why messages were filtered, and what the reason codes mean.

    received = delivered + filtered + duplicate + pending + dead, at every moment. A lane that the settings turn
    off takes no row unless it has received something.
    """
    settings = settings_of(config_path)
    store = reached_store(settings)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(store, settings, as_json)
    elif as_json:
        click.echo(_json(store, settings))
    else:
        click.echo(_text(store, settings))


def _read(store: Store, settings: Settings) -> Ledger:
    return ledger.read(store, settings.destinations, settings.sources)


def _watch(store: Store, settings: Settings, as_json: bool) -> None:
    # A dumb terminal can't draw over what it shows, so there one table follows the other.
    if as_json or not sys.stdout.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        while True:
            click.echo(_json(store, settings) if as_json else f"{_watched(store, settings)}\n")
            time.sleep(1)
    # Only here: its import takes as long as all the rest.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(file=unescaped(sys.stdout)), auto_refresh=False) as live:
        while True:
            live.update(Text(escaped(_watched(store, settings), keep="\n")), refresh=True)
            time.sleep(1)


def _text(store: Store, settings: Settings) -> str:
    return "\n".join(_lines(_read(store, settings), settings, layout.width(), different(store, settings)))


def _watched(store: Store, settings: Settings) -> str:
    """Return what a person who watches sees; while Redis is away, that."""
    try:
        return _text(store, settings)
    except StoreUnavailable as error:
        return "\n".join(layout.wrap(unreachable(settings.redis, error), layout.width()))


def _json(store: Store, settings: Settings) -> bytes:
    differing = [differences.named for differences in different(store, settings)]
    return orjson.dumps({**_numbers(_read(store, settings)), "other_settings": differing})


def _numbers(taken: Ledger) -> dict[str, Any]:
    owners: dict[str, dict[str, dict[str, Any]]] = {"destinations": {}, "sources": {}}
    for (name, lane), numbers in taken.lanes.items():
        kind = "sources" if lane in lanes.OF_SOURCE else "destinations"
        owners[kind].setdefault(name, {})[lane] = dataclasses.asdict(numbers)
    refused: dict[str, dict[str, Any]] = {}
    for (name, code), requests in taken.refused.items():
        refused.setdefault(name, {})[code] = dataclasses.asdict(requests)
    whole = {name: getattr(taken, name) for name in ("workers", "forbidden", "taken_ms", "limited")}
    unlisted = {name: left._asdict() for name, left in taken.unlisted.items()}
    return {**whole, "refused": refused, "unlisted": unlisted, **owners}


def _lines(taken: Ledger, settings: Settings, columns: int, differing: Iterable[Differences]) -> list[str]:
    """Return what a person sees: trouble first, then the numbers, then what the codes mean."""
    rows = {
        place: numbers for place, numbers in taken.lanes.items() if numbers.received or _is_on(settings, *place)
    }
    of_others = warnings(differing, taken.unlisted, settings.redis.prefix)
    troubles = [_workers(taken), *of_others, *_paused(taken), *_refused(taken)]
    reasons = list(_reasons(taken))
    codes = {code for numbers in taken.lanes.values() for code in (*numbers.filtered, *numbers.noted)}
    codes |= {numbers.resting_reason for numbers in taken.lanes.values() if numbers.resting_reason}
    codes |= {*taken.forbidden, *(code for _, code in taken.refused)}
    return [
        *(line for trouble in troubles for line in layout.wrap(trouble, columns)),
        "",
        *_table(rows, columns),
        *([""] if reasons else []),
        *(line for reason in reasons for line in layout.wrap(reason, columns)),
        *(["", *layout.meanings(codes, columns)] if codes else []),
    ]


def _is_on(settings: Settings, owner: str, lane: str) -> bool:
    if owner in settings.sources:
        return True
    destination = settings.destinations[owner]
    rules = destination.rules
    return {
        "events": rules.track.enabled or rules.named_pages.enabled or rules.named_screens.enabled,
        "identities": destination.sends_identities,
        "impressions": rules.exposures.enabled,
    }[lane]


def _workers(taken: Ledger) -> str:
    hint = "" if taken.workers else " (nothing is delivered: start `python -m workers`)"
    return f"workers alive: {taken.workers}{hint}"


def _paused(taken: Ledger) -> Iterator[str]:
    for (owner, lane), numbers in taken.lanes.items():
        if numbers.resting_until_ms is not None:
            left = layout.duration((numbers.resting_until_ms - taken.taken_ms) / 1000)
            reason = numbers.resting_reason or ""
            why = layout.said(reason, numbers.resting_detail or "", numbers.resting_words or "")
            yield f"{owner} {lane} paused for {left}: {reason} ({why})"


def _refused(taken: Ledger) -> Iterator[str]:
    for owner in dict.fromkeys(owner for owner, _ in taken.refused):
        refused = {code: each for (name, code), each in taken.refused.items() if name == owner}
        last_ms = max(each.last_ms for each in refused.values())
        counts = _most({code: each.requests for code, each in refused.items()})
        ago = layout.duration(max(0, taken.taken_ms - last_ms) / 1000)
        name = "" if owner == ledger.NO_OWNER else f"{owner} "
        yield f"refused at the endpoint: {name}{counts}, last {ago} ago"
    if taken.limited:
        yield f"refused over the limit of an address: {taken.limited:,} of all these"


def _reasons(taken: Ledger) -> Iterator[str]:
    if taken.forbidden:
        yield f"forbidden jobs: {_list(taken.forbidden)}"
    for (owner, lane), numbers in taken.lanes.items():
        for what, by_reason in (("filtered", numbers.filtered), ("noted", numbers.noted)):
            if by_reason:
                yield f"{owner} {lane} {what}: {_list(by_reason)}"


def _most(by_code: Mapping[str, int]) -> str:
    """Return the codes that count most; the others together, so that a line stays short."""
    ordered = sorted(by_code.items(), key=lambda pair: (-pair[1], pair[0]))
    rare = dict(ordered[_MOST_CODES:])
    # One more is as short as the word for it.
    shown = dict(ordered[:_MOST_CODES]) if len(rare) > 1 else by_code
    return _list(shown) + (f", {len(rare)} others {sum(rare.values()):,}" if len(rare) > 1 else "")


def _list(by_reason: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {number:,}" for reason, number in sorted(by_reason.items()))


def _table(rows: Mapping[tuple[str, str], LaneNumbers], columns: int) -> list[str]:
    """Return the first form that fits: names beside the numbers, names above them, and no columns at all."""
    exact = {place: _cells(numbers, "{:,}".format) for place, numbers in rows.items()}
    beside = _aligned("lane", [" ".join(place) for place in rows], exact.values())
    if layout.fit(beside, columns):
        return beside
    short = {place: _cells(numbers, _in_short) for place, numbers in rows.items()}
    for cells in (exact, short):
        below = _aligned("", [lane for _, lane in rows], cells.values())
        if layout.fit(below, columns):
            return _with_names(list(rows), below)
    return [line for place, row in exact.items() for line in _block(place, row, columns)]


def _aligned(head: str, names: Iterable[str], rows: Iterable[Sequence[str]]) -> list[str]:
    named = ((name, *row) for name, row in zip(names, rows, strict=True))
    return layout.table([(head, *_COLUMNS), *named], right=_NUMBERS)


def _with_names(places: Sequence[tuple[str, str]], lines: Sequence[str]) -> list[str]:
    by_owner = groupby(zip(places, lines[1:], strict=True), key=lambda pair: pair[0][0])
    return [lines[0], *(line for owner, pairs in by_owner for line in (owner, *(line for _, line in pairs)))]


def _in_short(number: int) -> str:
    return f"{number:,}" if number < _MILLION else f"{number // (_MILLION // 10) / 10:,.1f}M"


def _block(place: tuple[str, str], row: list[str], columns: int) -> Iterator[str]:
    # Blanks that must not be where a line ends.
    pairs = [f"{name} {cell}".replace(" ", "\0") for name, cell in zip(_COLUMNS, row, strict=True) if cell]
    yield " ".join(place)
    for line in layout.wrap("    " + "  ".join(pairs), columns):
        yield line.replace("\0", " ")


def _cells(numbers: LaneNumbers, text: Callable[[int], str]) -> list[str]:
    whole = (numbers.received, numbers.delivered, numbers.filtered_total, numbers.duplicate, numbers.pending)
    counts = [text(number) for number in (*whole, numbers.in_flight, numbers.dead)]
    return [*counts, layout.duration(numbers.oldest_seconds) if numbers.pending else ""]
