"""What Split says of a destination's or source's names, kept for all workers by the account that was asked.

So other names count as soon as the settings name another workspace or key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain

import orjson

from split_dest.inbox.store import Store, reported

#: How long names are kept after they were asked for last: those of a former account are of no use.
_KEPT_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Names:
    """When Split was asked, in ms, and what it said.

    ``traffic_types`` leads from a traffic type's lower-cased name to its id and ``environments`` from an
    environment's name to its id, for a destination.

    For a source ``flags`` leads from a flag's name to the lower-cased name of its traffic type. ``absent`` are
    flags that came and that Split did not have when it was asked. ``offset`` is where an unfinished listing goes
    on.
    """

    asked_ms: int
    traffic_types: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    absent: Sequence[str] = field(default_factory=list)
    offset: int = 0


@dataclass(frozen=True, slots=True)
class NameCache:
    """The names that a destination's or source's account has, in Redis; ``account`` is that account's digest."""

    store: Store
    owner: str
    account: str

    @property
    def _key(self) -> str:
        return self.store.key(self.owner, self.account, "names")

    def load(self) -> Names | None:
        """Return the names; None: the account was not asked yet, or another version kept them otherwise.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with reported():
            text = self.store.client.get(self._key)
        return _read(text) if text else None

    def save(self, names: Names) -> None:
        """Keep the names until they are saved again.

        Raises:
            StoreUnavailable: Redis is away.
        """
        self.store.run("keep", self.owner, f"{self.account}:names", orjson.dumps(names), _KEPT_MS)

    def may_ask(self) -> bool:
        """Return False while all workers wait because Split did not answer an earlier question.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with reported():
            return not self.store.client.exists(self.store.key(self.owner, self.account, "names", "wait"))

    def ask_later(self, seconds: float) -> None:
        """Keep all workers from asking for this long.

        Raises:
            StoreUnavailable: Redis is away.
        """
        self.store.run("keep", self.owner, f"{self.account}:names:wait", 1, int(seconds * 1000))


def _read(text: bytes) -> Names | None:
    """Return kept names; further fields are left alone."""
    try:
        kept = orjson.loads(text)
        names = Names(**{field.name: kept[field.name] for field in fields(Names) if field.name in kept})
    except (ValueError, TypeError):
        return None
    maps = (names.traffic_types, names.environments, names.flags)
    is_sound = all(type(number) is int for number in (names.asked_ms, names.offset))
    is_sound = is_sound and isinstance(names.absent, list) and all(isinstance(each, dict) for each in maps)
    texts = chain(names.absent, *(each.values() for each in maps)) if is_sound else ()
    return names if is_sound and all(isinstance(each, str) for each in texts) else None
