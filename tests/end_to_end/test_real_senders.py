"""What public bug reports say that SDKs sent, from the endpoints to Split and to the counts that people see."""

import json
import time
from collections.abc import Callable
from typing import Any

from split_dest.segment.times import to_text
from tests.support.endpoint import basic
from tests.support.sandbox import Sandbox
from tests.support.service import Service

SETTINGS = """\
    write_keys: [wk]
    identify: {mode: replace}
    map_identities: {userId: user, groupId: account}
"""
HOUR_MS = 3_600_000


def _arabic(text: str) -> str:
    return text.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)})


def _track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Tried", **fields}


#: Rounded keys, equal names, empty calls, half an emoji.
MESSAGES = [
    _track(userId="u-1", properties={"split": [{"account": 12345678901234567890123}], "title": "so far \ud83d"}),
    _track(userId="u-2", event="구매 VIP"),
    {"type": "identify", "userId": "u-1", "traits": {"total billed": 830, "total_billed": 900}},
    {"type": "group", "groupId": "g-1", "traits": {"plan": "pro"}},
    {"type": "group", "groupId": "g-1"},
]


def test_times_are_those_of_the_senders(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """An hour in a queue stays an hour, in whatever form; nothing is later than its receipt, and that is noted."""
    service = make_service(SETTINGS)
    service.start_web()
    service.start_workers(1)
    now_ms = int(time.time() * 1000)
    then, sent = to_text(now_ms - HOUR_MS), to_text(now_ms)
    swift, arabic = (then[:-1] + ":Z", sent[:-1] + ":Z"), (_arabic(then), _arabic(sent))
    digits = (str(now_ms - HOUR_MS), str(now_ms))
    for number, (timestamp, sent_at) in enumerate((swift, arabic, digits, (sent, then), ("soon", sent))):
        batch = {"batch": [_track(userId=f"u-{number}", timestamp=timestamp)], "sentAt": sent_at}
        service.post(batch, "/v1/batch", Authorization=basic("wk"))
    service.post(_track(userId="u-5", timestamp=to_text(now_ms + HOUR_MS)))

    service.wait_until(lambda: service.lane().delivered == 6)

    ages = {event["key"]: now_ms - event["timestamp"] for event in sandbox.received("events")}
    assert all(abs(ages[f"u-{number}"] - HOUR_MS) < 60_000 for number in range(3)), ages
    assert all(-60_000 < ages[f"u-{number}"] < 60_000 for number in range(3, 6)), ages
    assert service.lane().noted == {"timestamp_unreadable": 1, "timestamp_future": 1}
    assert "timestamp_unreadable 1" in service.command("status")


def test_no_value_takes_another_ones_place(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """What is right arrives, and what is repaired or left out is noted."""
    service = make_service(SETTINGS)
    service.start_web()
    answer = service.post(json.dumps(MESSAGES).encode())
    service.start_workers(1)

    service.wait_until(lambda: all(service.lane(lane).pending == 0 for lane in ("events", "identities")))

    assert answer.json()["set_aside"] == 0
    (event,) = sandbox.received("events")
    assert (event["trafficTypeName"], event["key"], event["properties"]) == (
        "user",
        "u-1",
        {"title": "so far \ufffd"},
    )
    assert {(each["key"], *each["values"].items()) for each in sandbox.received("identities")} == {
        ("u-1", ("total_billed", "900")),
        ("g-1", ("plan", "pro")),
    }
    assert service.lane().noted == {"key_skipped": 1, "text_repaired": 1, "event_type_id_unrecognizable": 1}
    assert service.lane("identities").noted == {"name_taken": 1}
    assert service.lane("identities").filtered == {"traits_empty": 1}
