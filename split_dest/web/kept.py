"""Where what has come of a request is kept until it is answered: in memory, or when it is much in a file."""

import os
from collections.abc import Iterator
from functools import partial
from tempfile import TemporaryFile
from typing import IO

#: Senders that stall shall cost no memory; beyond this what they sent waits in an unlinked file.
_IN_MEMORY_BYTES = 32_768
#: Of a process, for the batches that it collects. While it is taken up, by senders that stall perhaps, the
#: application is asked first.
_ROOM_BYTES = 8 << 20
_PIECE_BYTES = 65_536


class Room:
    """The memory that is left for batches which are being collected."""

    def __init__(self, left_bytes: int = _ROOM_BYTES) -> None:
        self._left_bytes = left_bytes

    def take(self, size: int) -> bool:
        """Takes so many bytes, if they are left, and says whether."""
        if size > self._left_bytes:
            return False
        self._left_bytes -= size
        return True

    def give_back(self, size: int) -> None:
        """Gives back what was taken."""
        self._left_bytes += size


class Kept:
    """What came so far, in memory or, when it is much, in an unlinked file.

    Python's SpooledTemporaryFile does the same, and took a twentieth of a request's time.
    """

    def __init__(self) -> None:
        self.in_memory_bytes = _IN_MEMORY_BYTES
        # Not a list of pieces: a sender's tiny ones would take many times their bytes.
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        """Keeps what came."""
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)
            self._file.write(data)
            return
        self._memory += data
        if len(self._memory) > self.in_memory_bytes:
            self._file = TemporaryFile()  # noqa: SIM115 - closed with the request
            self._file.write(self._memory)
            self._memory.clear()

    def read(self) -> Iterator[bytes]:
        """Gives all of it, from its beginning."""
        if self._file is None:
            return iter((bytes(self._memory),))
        self._file.seek(0)
        return iter(partial(self._file.read, _PIECE_BYTES), b"")

    def close(self) -> None:
        """Forgets all of it."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()
