"""Checks that span several parts of a settings file.

They are judged by what stands in the file, not by what could be loaded of it, so that no mistake hides another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from split_dest.config import findings
from split_dest.config.findings import Finding
from split_dest.mapping.rules import Rules

_DEFAULTS = Rules()
_SENDS_EVENTS = {
    "track": _DEFAULTS.track.enabled,
    "named_pages": _DEFAULTS.named_pages.enabled,
    "named_screens": _DEFAULTS.named_screens.enabled,
    "exposures": _DEFAULTS.exposures.enabled,
}
_SENDS_IDENTITIES = {
    "identify": _DEFAULTS.identify.enabled,
    "group": _DEFAULTS.group_enabled,
    "delete": _DEFAULTS.delete_enabled,
}


def of_file(value: Any, *, need_keys: bool) -> Iterator[Finding]:
    """Yield what does not agree.

    Args:
        value: the whole file.
        need_keys: False lets keys and the workspaces and environments that they belong to be absent.
    """
    destinations = _section(value, "destinations")
    for name, destination in destinations.items():
        if isinstance(destination, Mapping):
            for where, text in _of_destination(destination, need_keys=need_keys):
                yield findings.at(("destinations", name, *where), text)
    for name in _section(value, "sources"):
        # Their messages would be mixed up.
        if name in destinations:
            text = f"{name}: is the name of a destination as well; give the source another"
            yield ("sources", name), text, True


def _of_destination(value: Mapping[str, Any], *, need_keys: bool) -> Iterator[tuple[tuple[str, ...], str]]:
    mapped = _section(value, "map_identities") if "map_identities" in value else _DEFAULTS.map_identities
    # A path of the file may be anything, even what is not hashable.
    unmapped = [str(path) for path in _list(value, "identify", "identities") if path not in list(mapped)]
    if unmapped:
        yield ("identify", "identities"), f"not in map_identities: {', '.join(unmapped)}"
    listed = {name.lower() for name in _list(value, "split", "traffic_types") if isinstance(name, str)}
    for path, name in _section(value, "map_identities").items():
        if listed and isinstance(name, str) and name.lower() not in listed:
            yield ("map_identities", path), f"traffic type {name} is not in split.traffic_types"
    if need_keys and isinstance(value.get("split", {}), Mapping):
        yield from _missing(value)


def _missing(value: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    account = _section(value, "split")
    if _any_enabled(value, _SENDS_EVENTS) and "sdk_key" not in account:
        yield ("split", "sdk_key"), "is required while track, named_pages, named_screens or exposures is enabled"
    for name in ("admin_key", "workspace_id", "environment"):
        if _any_enabled(value, _SENDS_IDENTITIES) and name not in account:
            yield ("split", name), "is required while identify, group or delete is enabled"


def _section(value: Any, name: str) -> Mapping[str, Any]:
    section = value.get(name) if isinstance(value, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _list(value: Any, section: str, name: str) -> list[Any]:
    items = _section(value, section).get(name)
    return items if isinstance(items, list) else []


def _any_enabled(value: Any, switches: Mapping[str, bool]) -> bool:
    return any(_section(value, name).get("enabled", default) is True for name, default in switches.items())
