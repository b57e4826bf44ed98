"""``python -m workers``; see ``supervisor``."""

import sys

if __name__ == "__main__":
    # Each worker process imports this file again, under another name, and needs nothing of the supervisor.
    from workers.supervisor import main

    sys.exit(main())
