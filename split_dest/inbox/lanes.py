"""The names of lanes, and how many drains each may have for how long."""

from collections.abc import Iterable

#: Lane -> slots: how many drains may empty it at once. Identities have one, so that two calls for one key never
#: overtake each other; it sends several keys at once instead.
SLOTS = {"events": 4, "identities": 1, "impressions": 2, "tracks": 2}

#: The lanes of a destination, and those of a source.
OF_DESTINATION = ("events", "identities", "impressions")
OF_SOURCE = ("tracks",)

#: A further drain is woken for each PER_SLOT waiting messages.
PER_SLOT = 1000

#: How long the mark of a queued drain outlives its RQ job, which gets lost on the way to a worker whose network is
#: cut; while the job waits, the mark is renewed each second.
QUEUED_MS = 5_000

#: How long a drain that gives no sign of life keeps its slot. Its worker gives one each second.
LEASE_MS = 4_000


def of(destinations: Iterable[str], sources: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return the lanes of each destination and source, by its name."""
    return dict.fromkeys(destinations, OF_DESTINATION) | dict.fromkeys(sources, OF_SOURCE)
