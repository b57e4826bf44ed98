"""How long commands take to be of use."""

import os
import subprocess
import time

from benchmarks.load import MESSAGE
from benchmarks.yard import BIN, Yard


def measure(yard: Yard) -> dict[str, float]:
    """Gives how long worker and preview take from their start, in seconds."""
    yard.clear()
    began = time.monotonic()
    workers = yard.service.start_workers(1)
    workers_seconds = time.monotonic() - began
    yard.service.stop(workers)
    file = yard.folder / "one.jsonl"
    file.write_text(MESSAGE + "\n")
    command = [str(BIN / "split-dest"), "preview", "--destination", "web", str(file)]
    began = time.monotonic()
    subprocess.run(command, env={**os.environ, **yard.service.environ}, check=True, capture_output=True)
    return {"start_workers_seconds": workers_seconds, "start_preview_seconds": time.monotonic() - began}
