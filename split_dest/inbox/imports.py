"""Bookmarks: how far a file is imported, so that the next start stores no message twice."""

from dataclasses import dataclass

from split_dest.inbox.store import Store, reported


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

    Raises:
        StoreUnavailable: Redis is away.
    """
    key = store.key(destination, "imports")
    with reported(), store.client.pipeline(transaction=True) as moment:
        # Only a bookmark that is there can move: a call that comes after the end of its import stores nothing.
        moment.hsetnx(key, name, "0 0 0 0")
        moment.hget(key, name)
        kept = moment.execute()[1]
    return int(kept.split()[0])


def finish(store: Store, destination: str, name: str) -> None:
    """Remove a file's bookmark: all of it is stored.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.hdel(store.key(destination, "imports"), name)
