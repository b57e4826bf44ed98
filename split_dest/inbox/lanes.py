"""The names of lanes and of their places in Redis."""

#: Lane -> slots: how many drains may empty it at once. Identities have one, so that two calls for one key never
#: overtake each other; it sends several keys at once instead.
SLOTS = {"events": 4, "identities": 1}

#: A further drain is woken for each so many waiting messages.
PER_SLOT = 1000

#: How long the mark of a queued drain outlives its RQ job; while the job waits, the mark is renewed.
QUEUED_MS = 15_000

#: How long a drain that gives no sign of life keeps its slot. Its worker gives one each second.
LEASE_MS = 4_000


def prefix(destination: str) -> str:
    """Gives what all keys of a destination begin with."""
    return f"sd:{destination}:"


def stream(destination: str, lane: str) -> str:
    """Gives the key of a lane's messages."""
    return f"{prefix(destination)}{lane}:stream"
