"""The file of settings that documents every key, and the variables that it names."""

from pathlib import Path

DOCUMENTED = Path(__file__).parents[1] / "data" / "settings.yaml"

VARIABLES = {
    "WEB_PRODUCTION_SECRET": "one",
    "SPLIT_SDK_KEY": "two",
    "SPLIT_ADMIN_KEY": "three",
    "FLAGS_PRODUCTION_TOKEN": "four",
    "SEGMENT_WRITE_KEY": "five",
}
