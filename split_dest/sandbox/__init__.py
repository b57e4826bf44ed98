"""A stand-in for Split and for Segment: their HTTP APIs and limits, with everything kept in memory.

For trying, testing and measuring. It imports nothing else of split_dest, so that it checks independently what
the service sends; the tests drive it with Split's own clients.
"""

from split_dest.sandbox.app import create_app, listen, serve
from split_dest.sandbox.faults import describe_faults
from split_dest.sandbox.state import Keys

__all__ = ["Keys", "create_app", "describe_faults", "listen", "serve"]
