"""A stand-in for Split and for Segment: their HTTP APIs, with their limits, kept in memory.

To try, test and measure with. It imports nothing else of split_dest, so that it is an independent
check of what the service sends; Split's own clients keep it honest.
"""

from split_dest.sandbox.app import create_app
from split_dest.sandbox.server import serve
from split_dest.sandbox.state import Keys

__all__ = ["Keys", "create_app", "serve"]
