"""When a message's call was made, as Split is told: never later than it was received."""

from split_dest.segment import times
from split_dest.segment.message import Message

#: What clocks are usually wrong by, at most: so much difference protocols allow between two hosts (RFC 4120,
#: clockskew; Standard Webhooks, tolerance).
CLOCK_ERROR_MS = 5 * 60 * 1000


def moment(message: Message, received_ms: int, notes: set[str]) -> int:
    """Return a message's own time in milliseconds, or that of its receipt if it has none that can be read.

    Args:
        message: as the endpoint accepted it. Its ``receivedAt`` is when Segment received it.
        received_ms: when it was accepted.
        notes: gets ``timestamp_unreadable``, and ``timestamp_future`` for a time after the receipt, which becomes
            that of the receipt; one within ``CLOCK_ERROR_MS`` after it is not noted.
    """
    fields = message.fields
    own, received_at = fields.get("timestamp"), fields.get("receivedAt")
    own_ms = times.to_ms(own)
    # Nearly all are so; reading receivedAt as well takes as long as reading the time itself.
    if (
        own_ms is not None
        and own_ms <= received_ms
        and (received_at is None or times.is_no_later(own, received_at))
    ):
        return own_ms
    receipt_ms = times.to_ms(received_at)
    if receipt_ms is None or receipt_ms > received_ms:
        receipt_ms = received_ms
    for value in (own, fields.get("originalTimestamp")):
        if value is None or value == "":
            continue
        ms = times.to_ms(value)
        if ms is not None:
            return bounded(ms, receipt_ms, notes)
        notes.add("timestamp_unreadable")
    return receipt_ms


def bounded(ms: int, receipt_ms: int, notes: set[str]) -> int:
    """Return a time, or that of the receipt if it is earlier; *notes* as for ``moment``."""
    if ms - receipt_ms > CLOCK_ERROR_MS:
        notes.add("timestamp_future")
    return min(ms, receipt_ms)
