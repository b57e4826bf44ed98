"""Bookmarks: how far a file is imported, so that the next start stores no message twice."""

import re
from dataclasses import dataclass

from split_dest.errors import StoredUnreadable
from split_dest.inbox.store import Store, reported

_OR_ELSE = "Go on with that version; or begin at the first line after HDEL {key} {field} in Redis."
_UNREADABLE = f"Another version of split-dest wrote the bookmark of this file. {_OR_ELSE}"
#: Names of former versions had as many digits, and were made of a file's size, beginning and end.
_FORMER_CHARS = 32
_FORMER = (
    "An earlier version of split-dest has not finished the import of this file, or of one with the same size, "
    f"beginning and end. {_OR_ELSE}"
)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A move of a file's bookmark: its name, the line where it must stand, and the line to which it moves."""

    name: str
    after: int
    line: int

    @property
    def arguments(self) -> tuple[str, int, int]:
        """What the script takes."""
        return self.name, self.after, self.line


def begin(store: Store, destination: str, name: str) -> int:
    """Return the line up to which all is stored; 0: nothing is, and the file has a bookmark from now on.

    What a name begins with is the whole name that the file had in versions before.

    Raises:
        StoredUnreadable: another version wrote the bookmark, or may have.
        StoreUnavailable: Redis is away.
    """
    key = store.key(destination, "imports")
    former = name[:_FORMER_CHARS]
    with reported():
        former_line = None if former == name else store.client.hget(key, former)
    if former_line is not None:
        raise StoredUnreadable(_FORMER.format(key=key, field=former))
    with reported(), store.client.pipeline(transaction=True) as moment:
        # Only a bookmark that is there can move: a call that comes after the end of its import stores nothing.
        moment.hsetnx(key, name, "0 0 0 0")
        moment.hget(key, name)
        kept = moment.execute()[1]
    line = re.match(rb"(\d{1,18}) \d+ \d+ \d+", kept)
    if line is None:
        raise StoredUnreadable(_UNREADABLE.format(key=key, field=name))
    return int(line[1])


def finish(store: Store, destination: str, name: str) -> None:
    """Remove a file's bookmark: all of it is stored.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.hdel(store.key(destination, "imports"), name)
