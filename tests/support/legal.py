"""What Split accepts: its limits, repeated here on purpose."""

import math
import re
from typing import Any

EVENT_TYPE_ID = re.compile(r"[a-zA-Z0-9][-_.:a-zA-Z0-9]{0,79}")
ATTRIBUTE_ID = re.compile(r"[a-zA-Z][-_a-zA-Z0-9]{0,199}")


def assert_key(key: object) -> None:
    """A key is a string of 1 to 250 characters, not only blanks, none of which was replaced."""
    assert isinstance(key, str)
    assert 1 <= len(key) <= 250
    assert not key.isspace()
    assert "\ufffd" not in key


def assert_traffic_type(name: object) -> None:
    """A traffic type's name is a lower-case string, not blank."""
    assert isinstance(name, str)
    assert name == name.lower().strip() != ""


def assert_number(number: object) -> None:
    """A number is finite and no boolean."""
    assert type(number) in (int, float)
    assert math.isfinite(number)


def assert_time(time_ms: object) -> None:
    """A time is a whole number of milliseconds above zero."""
    assert type(time_ms) is int
    assert time_ms > 0


def assert_properties(properties: object) -> None:
    """Properties are flat, short, at most 300, and 32,768 characters in all, counting from 1,024."""
    assert isinstance(properties, dict)
    assert len(properties) <= 300
    size = 1024
    for name, value in properties.items():
        size += len(name)
        if isinstance(value, str):
            assert len(value) <= 256
            size += len(value)
        elif value is not None and not isinstance(value, bool):
            assert_number(value)
    assert size <= 32_768


def assert_event(event: dict[str, Any]) -> None:
    """An event is as Split's own clients would send it."""
    environment = {"environmentName"} & event.keys()
    assert event.keys() - environment == {
        "eventTypeId",
        "trafficTypeName",
        "key",
        "timestamp",
        "value",
        "properties",
    }
    assert EVENT_TYPE_ID.fullmatch(event["eventTypeId"])
    assert_traffic_type(event["trafficTypeName"])
    assert_key(event["key"])
    assert_time(event["timestamp"])
    if event["value"] is not None:
        assert_number(event["value"])
    assert_properties(event["properties"])
    assert isinstance(event.get("environmentName", ""), str)


def assert_identity(identity: dict[str, Any]) -> None:
    """An identity's attributes are strings of at most 255 characters with legal ids."""
    assert identity.keys() == {"trafficType", "key", "values"}
    assert_traffic_type(identity["trafficType"])
    assert_key(identity["key"])
    for name, value in identity["values"].items():
        assert ATTRIBUTE_ID.fullmatch(name)
        assert isinstance(value, str)
        assert len(value) <= 255
