"""The given cases, through the settings' own words."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from split_dest import config
from split_dest.errors import REASONS
from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.segment import message
from tests.mapping.calls import RECEIVED_MS

_LINES = (Path(__file__).parents[1] / "data" / "mapping.jsonl").read_text(encoding="utf-8").strip().split("\n")
CASES: dict[str, dict[str, Any]] = {
    case["id"]: case for case in map(json.loads, _LINES) if case["direction"] == "segment_to_split"
}


def _rules(destination: dict[str, Any], folder: Path) -> Rules:
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"destinations": {"web": destination}}), encoding="utf-8")
    return config.load(file, {}, need_secrets=False).destinations["web"].rules


def _in_order(records: list[dict[str, Any]]) -> list[bytes]:
    return sorted(orjson.dumps(record, option=orjson.OPT_SORT_KEYS) for record in records)


@pytest.mark.parametrize("case_id", CASES)
def test_a_given_case_maps_as_it_says(case_id: str, tmp_path: Path):
    """The message becomes the records that the case expects, in any order, or is dropped for its reason."""
    case = CASES[case_id]
    rules = _rules(case["destination"], tmp_path)

    result = to_split(message.load(case["input"]), rules, RECEIVED_MS)

    expected = case["expected"]
    assert _in_order([event.to_json() for event in result.events]) == _in_order(expected["events"])
    assert _in_order([each.to_json() for each in result.identities]) == _in_order(expected["identities"])
    assert result.dropped == expected["dropped"]


def test_no_given_case_is_left_out():
    """Every line is a case of one of two directions with an id of its own, and says all that it expects."""
    directions = Counter(json.loads(line)["direction"] for line in _LINES)

    assert directions == {"segment_to_split": 57, "split_to_segment": 8}
    assert len(CASES) == 57
    for case in CASES.values():
        assert case["expected"].keys() == {"events", "identities", "dropped"}
        assert case["expected"]["dropped"] in {None, *REASONS}
