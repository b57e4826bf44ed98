"""Warnings about settings that work and are almost surely wrong, such as those that deliver nothing."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import urlsplit

from split_dest.config import findings
from split_dest.config.findings import Finding
from split_dest.config.settings import Destination, Secret, Settings
from split_dest.config.yaml_source import Where
from split_dest.mapping.events import lets_through
from split_dest.mapping.rules import Rules

#: Shorter secrets can be guessed.
_SECRET_CHARS = 8
_IDS = ("userId", "anonymousId", "groupId", "previousId")
#: Where an id may stand in a call of any type (segment-docs, connections/spec).
_ID_FIELDS = (*_IDS, "properties", "traits", "context")
#: The fields of a track call (segment-docs, connections/spec/common and track).
_TRACK_FIELDS = (
    *("event", "properties", "userId", "anonymousId", "context", "integrations", "messageId", "type", "version"),
    *("channel", "projectId", "timestamp", "originalTimestamp", "sentAt", "receivedAt"),
)
_Doubt = tuple[Where, str]


def warnings(settings: Settings) -> Iterator[Finding]:
    """Yield a warning for each doubtful setting, at the place where it stands."""
    for where, secret in _secrets(settings):
        if len(secret.reveal().strip()) < _SECRET_CHARS:
            yield _at(where, f"the secret is blank or shorter than {_SECRET_CHARS} characters")
    for where, url in (
        (("split", "events_url"), settings.split.events_url),
        (("split", "admin_url"), settings.split.admin_url),
        (("segment", "url"), settings.segment.url),
    ):
        if url.startswith("http://") and not _is_loopback(url):
            yield _at(where, "keys travel in clear text: use https")
    for name, destination in settings.destinations.items():
        for below, text in _of_destination(destination, settings):
            # A path of map_identities is a key of the file.
            yield _at(("destinations", name, *below), text, at_key=below[:-1] == ("map_identities",))


def _at(where: Where, text: str, *, at_key: bool = False) -> Finding:
    # An item of a list has its list's name: track.value may be a list or a single path.
    return where, f"{'.'.join(name for name in where if isinstance(name, str))}: {text}", at_key


def _secrets(value: Any, where: Where = ()) -> Iterator[tuple[Where, Secret]]:
    if isinstance(value, Secret):
        yield where, value
    elif is_dataclass(value):
        for field in fields(value):
            setting = field.metadata["setting"]
            path = () if setting.inline else setting.path(field.name)
            yield from _secrets(getattr(value, field.name), (*where, *path))
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _secrets(below, (*where, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _secrets(item, (*where, index))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _of_destination(destination: Destination, settings: Settings) -> Iterator[_Doubt]:
    rules = destination.rules
    yield from _of_identities(rules)
    yield from _of_paths(rules)
    track = rules.track
    for index, pattern in enumerate(track.excluded):
        if pattern in track.included:
            yield ("track", "except", index), f'"{pattern}" stands in only as well; except counts more'
    for name, source in settings.sources.items():
        if lets_through(source.rules.event, rules):
            text = f'does not name "{source.rules.event}": impressions of source {name} may come back as events'
            yield ("track", "except"), text
    named = rules.named_pages.enabled or rules.named_screens.enabled
    if not (destination.sends_identities or rules.track.enabled or named or rules.exposures.enabled):
        yield (), "every kind of call is switched off: nothing is delivered"


def _of_identities(rules: Rules) -> Iterator[_Doubt]:
    if not rules.map_identities:
        text = "is empty: only ids of properties.split and traits.split are delivered"
        yield ("map_identities",), text
    if rules.identify.enabled and not rules.identify.paths:
        yield ("identify", "identities"), "is empty: identify calls write no identity"
    for path, traffic_type in rules.map_identities.items():
        if path.partition(".")[0] in _ID_FIELDS:
            continue
        field = next((field for field in _IDS if field.lower() == traffic_type), None)
        if field is None:
            yield ("map_identities", path), _no_field(path, "Segment's messages have", _ID_FIELDS)
        else:
            yield ("map_identities", path), f'is the wrong way round: write "{field}: {path}"'


def _of_paths(rules: Rules) -> Iterator[_Doubt]:
    paths: list[tuple[Where, str]] = [
        (("track", "event_type_id"), rules.track.event_type_id),
        *((("track", "value", index), path) for index, path in enumerate(rules.track.value)),
        (("exposures", "flag"), rules.exposures.flag),
        (("exposures", "treatment"), rules.exposures.treatment),
    ]
    for where, path in paths:
        if path.partition(".")[0] not in _TRACK_FIELDS:
            yield where, _no_field(path, "track calls have", _TRACK_FIELDS)


def _no_field(path: str, whose: str, names: tuple[str, ...]) -> str:
    field = path.partition(".")[0]
    # Below it "event" would be suggested for "revenue".
    question = findings.closest(field, names, 0.75)
    return f'is a path, and {whose} no field "{field}"' + (f"; {question}" if question else "")
