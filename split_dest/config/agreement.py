"""What the parts of one destination must agree on.

Judged by what stands in the file, not by what could be loaded of it, so that one mistake never hides another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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


def errors(given: Mapping[str, Any], *, need_keys: bool) -> dict[str, Any]:
    """Gives what does not agree, nested as marshmallow's errors are.

    Args:
        given: a destination as it stands in the file.
        need_keys: False lets keys and the places they lead to be absent.
    """
    found: dict[str, Any] = {}
    unmapped = [str(path) for path in _listed(given, "identify", "identities") if path not in _mapped(given)]
    if unmapped:
        found["identify"] = {"identities": [f"not in map_identities: {', '.join(unmapped)}"]}
    unlisted = dict(_unlisted(given))
    if unlisted:
        found["map_identities"] = unlisted
    missing = dict(_missing(given)) if need_keys else {}
    if missing:
        found["split"] = missing
    return found


def shared_names(given: Mapping[str, Any]) -> list[str]:
    """Gives the names that a destination and a source have both: their messages would be mixed up."""
    return [name for name in _section(given, "sources") if name in _section(given, "destinations")]


def _section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = given.get(name)
    return section if isinstance(section, Mapping) else {}


def _listed(given: Mapping[str, Any], section: str, name: str) -> list[Any]:
    listed = _section(given, section).get(name)
    return listed if isinstance(listed, list) else []


def _mapped(given: Mapping[str, Any]) -> list[Any]:
    """Gives the paths of map_identities; a list, for a path out of the file may be anything."""
    return list(_section(given, "map_identities") if "map_identities" in given else _DEFAULTS.map_identities)


def _unlisted(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    listed = {name.lower() for name in _listed(given, "split", "traffic_types") if isinstance(name, str)}
    for path, name in _section(given, "map_identities").items():
        if listed and isinstance(name, str) and name.lower() not in listed:
            yield path, {"value": [f"traffic type {name} is not in split.traffic_types"]}


def _missing(given: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(given.get("split", {}), Mapping):
        return
    if _any_enabled(given, _SENDS_EVENTS):
        text = "is required while track, named_pages, named_screens or exposures is enabled"
        yield from _absent(given, ["sdk_key"], text)
    if _any_enabled(given, _SENDS_IDENTITIES):
        names = ["admin_key", "workspace_id", "environment"]
        yield from _absent(given, names, "is required while identify, group or delete is enabled")


def _absent(given: Mapping[str, Any], names: list[str], text: str) -> Iterator[tuple[str, list[str]]]:
    yield from ((name, [text]) for name in names if name not in _section(given, "split"))


def _any_enabled(given: Mapping[str, Any], switches: Mapping[str, bool]) -> bool:
    return any(_section(given, name).get("enabled", default) is True for name, default in switches.items())
