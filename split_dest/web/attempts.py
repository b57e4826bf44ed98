"""Failed attempts to get in, limited per address in constant memory."""

import hashlib
import ipaddress
import math
import secrets
import time
from array import array
from collections.abc import Callable
from contextlib import suppress

MOST_A_MINUTE = 10
_MINUTE_SECONDS = 60.0
#: Of two bytes each: 128 KiB a process. Addresses that share one share their limit, which costs nobody with a
#: right secret anything; with a thousand failing addresses a minute, 1.5 % of them do.
_COUNTERS = 2**16
#: Who holds one IPv6 address holds its whole network.
_IPV6_PREFIX = 64


class Attempts:
    """Counts the failed attempts of each address in this process, minute by minute.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Unknown to senders, so that none can choose addresses that share a counter with another's.
        self._key = secrets.token_bytes(16)
        self._began = -math.inf
        self._counts = array("H")

    def failed(self, address: str) -> int:
        """Count a failed attempt; return the seconds that its address must wait, 0 while below the limit."""
        now = self._clock()
        if now >= self._began + _MINUTE_SECONDS:
            self._began, self._counts = now, array("H", bytes(2 * _COUNTERS))
        at = self._counter(address)
        if self._counts[at] < MOST_A_MINUTE:
            self._counts[at] += 1
            return 0
        return math.ceil(self._began + _MINUTE_SECONDS - now)

    def _counter(self, address: str) -> int:
        with suppress(ValueError):
            if ":" in address and not (parsed := ipaddress.IPv6Address(address)).ipv4_mapped:
                address = str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
        return int.from_bytes(hashlib.blake2b(address.encode(), digest_size=8, key=self._key).digest()) % _COUNTERS
