"""How a web process takes memory, and gives it back."""

import ctypes
from collections.abc import Callable
from contextlib import suppress

#: mallopt(3): larger blocks are mapped by themselves, and the bound no longer grows.
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 131_072
#: A frame that says it may need a quarter of a MiB and a little is given half a MiB.
_WORDS = 33_000


def give_back_large_blocks() -> None:
    """Lets what a large body took go back at once; glibc would keep it for the next one."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def with_room(function: Callable[[], None]) -> None:
    """Calls a function whose nested calls, 250 kB of frames, find room in one piece.

    Python takes memory for frames from the kernel in pieces of 16 KiB or, for a larger frame, of the next power of
    two, and gives a piece back as soon as the frame that began it ends. Of posts nested in each other many called
    something again and again where a piece ends: each took and gave back four, which was 45 of its 265 µs here.

    Source:
        CPython 3.11 to 3.13, Python/pystate.c, push_chunk and _PyThreadState_PopFrame.
    """
    function()


with_room.__code__ = with_room.__code__.replace(co_stacksize=_WORDS)
