"""The recorded messages and signature vectors of tests/data."""

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "data" / "segment_messages.jsonl"

#: By id. A line may hold U+2028, so only a newline ends it.
SAMPLES: dict[str, dict[str, Any]] = {
    sample["id"]: sample for sample in map(json.loads, _FILE.read_text(encoding="utf-8").strip().split("\n"))
}
