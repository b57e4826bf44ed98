"""How long commands take to be of use."""

import subprocess
import time

from benchmarks import load
from benchmarks.yard import BIN, Yard, end

#: The number that ``python -m workers`` starts by default.
_WORKERS = 2


def measure(yard: Yard) -> dict[str, float]:
    """Return how long workers, until RQ knows them all, and preview take from their start, in seconds."""
    yard.clear()
    began = time.monotonic()
    workers = yard.start_workers(_WORKERS)
    workers_seconds = time.monotonic() - began
    end(workers)
    file = yard.folder / "one.jsonl"
    file.write_text(load.filled(load.TEMPLATE, "one") + "\n")
    command = [str(BIN / "split-dest"), "preview", "--destination", "web", str(file)]
    began = time.monotonic()
    subprocess.run(command, env=yard.environ, check=True, capture_output=True)
    return {"start_workers_seconds": workers_seconds, "start_preview_seconds": time.monotonic() - began}
