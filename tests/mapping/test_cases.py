"""The recorded cases, with the settings' own names."""

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
from split_dest.mapping.rules import Rules, SourceRules
from split_dest.mapping.tracks import to_segment
from split_dest.segment import message
from split_dest.split import impressions
from tests.support.calls import RECEIVED_MS

_LINES = (Path(__file__).parents[1] / "data" / "mapping.jsonl").read_text(encoding="utf-8").strip().split("\n")
_ALL: list[dict[str, Any]] = [json.loads(line) for line in _LINES]
CASES = {case["id"]: case for case in _ALL if case["direction"] == "segment_to_split"}
IMPRESSIONS = {case["id"]: case for case in _ALL if case["direction"] == "split_to_segment"}


def _source_rules(source: dict[str, Any], folder: Path) -> SourceRules:
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"sources": {"flags": source}}), encoding="utf-8")
    return config.load(file, {}, need_secrets=False).sources["flags"].rules


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


@pytest.mark.parametrize("case_id", IMPRESSIONS)
def test_a_given_impression_becomes_the_track_call_that_it_says(case_id: str, tmp_path: Path):
    """The flag's traffic type is that of the settings; the added messageId is not compared."""
    case = IMPRESSIONS[case_id]
    rules = _source_rules(case["source_config"], tmp_path)
    impression = impressions.load(case["input"])

    result = to_segment(impression, rules, rules.flag_traffic_types.get(impression["split"]), RECEIVED_MS)

    results = [] if result.track is None else [dict(result.track)]
    assert {track.pop("messageId").partition("-")[0] for track in results} <= {"split"}
    assert results == case["expected"]["tracks"]
    assert result.dropped == case["expected"]["dropped"]


def test_no_given_case_is_left_out():
    """Every line is a case of one of two directions, with a unique id and all its expectations."""
    directions = Counter(json.loads(line)["direction"] for line in _LINES)

    assert directions == {"segment_to_split": 57, "split_to_segment": 8}
    assert len(CASES) == 57
    assert len(IMPRESSIONS) == 8
    for case in _ALL:
        result = {"events", "identities"} if case["id"] in CASES else {"tracks"}
        assert case["expected"].keys() == {*result, "dropped"}
        assert case["expected"]["dropped"] in {None, *REASONS}
