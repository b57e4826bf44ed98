"""By which settings the live supervisors under this prefix work: two deployments must not share it unnoticed.

Each supervisor says once a second which destinations and sources it knows, and a digest of where each one leads.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson

from split_dest.inbox.store import EVERYBODY, Store, reported

#: How many names are listed; the others are counted.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Differences:
    """The names by which two settings differ."""

    only_here: tuple[str, ...] = ()
    only_there: tuple[str, ...] = ()
    leads_elsewhere: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only_here or self.only_there or self.leads_elsewhere)

    @property
    def named(self) -> dict[str, str]:
        """Return the names as a text for each kind of difference that there is."""
        return {kind: _listed(names) for kind, names in asdict(self).items() if names}


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def begin(store: Store, former: str = "") -> str:
    """Return the deployment's id; if there is none, make it: the *former* one, or at the first start a new one.

    Raises:
        StoreUnavailable: Redis is away.
    """
    if not identity(store):
        with reported():
            store.client.set(store.key("deployment"), former or secrets.token_hex(8), nx=True)
    return identity(store)


def identity(store: Store) -> str:
    """Return the deployment's id, with which digests of its settings are keyed; empty: no supervisor ever ran.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        return (store.client.get(store.key("deployment")) or b"").decode(errors="replace")


def compare(here: Mapping[str, str], there: Mapping[str, str]) -> Differences:
    """Return how two settings differ; both lead from an owner's name to a digest of where its messages go."""
    return Differences(
        tuple(sorted(here.keys() - there.keys())),
        tuple(sorted(there.keys() - here.keys())),
        tuple(sorted(name for name in here.keys() & there.keys() if here[name] != there[name])),
    )


def others(store: Store, here: Mapping[str, str]) -> list[Differences]:
    """Return how the settings of each live supervisor differ from these; those that do not are left out.

    So are those that can't be read, which no supervisor wrote.

    Raises:
        StoreUnavailable: Redis is away.
    """
    said = (_read(text) for text in store.run("settings", EVERYBODY))
    found = [compare(here, there) for there in said if there is not None]
    return [each for each in found if each]


def _read(text: bytes) -> dict[str, str] | None:
    try:
        there = orjson.loads(text)
    except ValueError:
        return None
    return there if isinstance(there, dict) else None


class Announcement:
    """What a supervisor says about its settings, and which other settings it has seen."""

    def __init__(self, store: Store, here: Mapping[str, str]) -> None:
        self._store = store
        self._here = here
        self._text = orjson.dumps(here, option=orjson.OPT_SORT_KEYS)
        self._seen: set[bytes] = set()
        #: The same for all supervisors with these destinations and sources.
        self.name = hashlib.blake2b(self._text, digest_size=8).hexdigest()

    def say(self) -> list[Differences]:
        """Say that a supervisor works by these settings; return how those differ that it sees for the first time.

        Raises:
            StoreUnavailable: Redis is away.
        """
        # The text is long where destinations are many, so it is said once.
        live = self._store.run("announce", EVERYBODY, self.name, b"")
        if live is None:
            live = self._store.run("announce", EVERYBODY, self.name, self._text)
        new, self._seen = set(live) - self._seen - {self.name.encode()}, set(live)
        return others(self._store, self._here) if new else []
