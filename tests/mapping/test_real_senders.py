"""Cases from public bug reports: messages that real senders sent, and what became of them."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from split_dest.errors import REASONS
from split_dest.mapping import to_split
from split_dest.segment import message, payload, tracking
from split_dest.segment.tracking import Call
from tests.mapping.test_cases import _in_order, _rules

_LINES = (Path(__file__).parents[1] / "data" / "real_senders.jsonl").read_text(encoding="utf-8").splitlines()
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in map(json.loads, _LINES)}
RECEIVED_MS = 1_800_000_000_000


def _received(case: dict[str, Any]) -> dict[str, Any]:
    """Return the message of a case as its endpoint reads it."""
    body = json.dumps(case["input"]).encode()
    if case["direction"] == "tracking":
        (sent,) = tracking.posted(body, Call(None, case["received_ms"], 32_768, lambda: "new"))
    else:
        (sent,) = payload.messages(body)
    assert isinstance(sent, dict)
    return sent


@pytest.mark.parametrize("case_id", CASES)
def test_a_reported_message_becomes_what_its_sender_meant(case_id: str, tmp_path: Path):
    """The message becomes the expected records, and what was repaired or left out is noted."""
    case, expected = CASES[case_id], CASES[case_id]["expected"]
    taken = message.load(_received(case))

    result = to_split(
        message.restore(message.dump(taken)),
        _rules(case["destination"], tmp_path),
        case.get("received_ms", RECEIVED_MS),
    )

    assert _in_order([event.to_json() for event in result.events]) == _in_order(expected["events"])
    assert [orjson.loads(orjson.dumps(each.to_json())) for each in result.identities] == expected["identities"]
    assert result.dropped == expected["dropped"]
    assert list(result.notes) == case["notes"]
    assert set(case["notes"]) <= set(REASONS)


def test_no_reported_case_is_left_out():
    """Each case has a unique id and says where it was reported."""
    assert len(CASES) == len(_LINES) == 16
    assert all(case["source"] and case["rule"] for case in CASES.values())
