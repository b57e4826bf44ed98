"""The recorded messages, mapped by the default rules."""

import json
from typing import Any

import pytest

from split_dest.errors import REASONS
from split_dest.mapping import Mapped
from split_dest.segment import payload
from tests.support.calls import mapped
from tests.support.samples import SAMPLES


def _mapped(name: str) -> list[Mapped]:
    items = payload.messages(json.dumps(SAMPLES[name]["body"]).encode())
    return [mapped(each) for each in items if isinstance(each, dict)]


def _with_fact(fact: str) -> list[tuple[str, Any]]:
    results = [
        (name, sample["facts"][fact]) for name, sample in SAMPLES.items() if fact in sample.get("facts", {})
    ]
    # The Tracking API's messages have their type in the path, and All: false counts only there.
    return [(name, value) for name, value in results if SAMPLES[name]["via"] == "webhook"]


@pytest.mark.parametrize(("name", "count"), _with_fact("split_events"))
def test_as_many_events_are_made_as_splits_documents_tell(name: str, count: int):
    """Split's own articles count the events of their examples."""
    (result,) = _mapped(name)

    assert len(result.events) == count


@pytest.mark.parametrize(("name", "pairs"), _with_fact("extra_traffic_types"))
def test_documented_traffic_types_are_found(name: str, pairs: list[list[str]]):
    """The example in Split's documents names one more traffic type."""
    (result,) = _mapped(name)

    assert {tuple(pair) for pair in pairs} <= {(event.traffic_type_name, event.key) for event in result.events}


@pytest.mark.parametrize(("name", "is_named"), _with_fact("named"))
def test_named_pages_and_screens_are_told_from_unnamed_ones(name: str, is_named: bool):
    """Only named pages and screens make events."""
    (result,) = _mapped(name)

    assert bool(result.events) == is_named
    assert result.dropped in (None, "page_unnamed", "screen_unnamed")


@pytest.mark.parametrize(("name", "is_enabled"), _with_fact("split_enabled"))
def test_integrations_that_keep_from_split_are_told_from_others(name: str, is_enabled: bool):
    """Only a false for Split in integrations filters a message out."""
    (result,) = _mapped(name)

    assert (result.dropped != "filtered_by_integrations_object") == is_enabled


@pytest.mark.parametrize(
    "name", [name for name, each in SAMPLES.items() if each["body"] and name != "edge-properties-string"]
)
def test_every_recorded_message_becomes_something_or_has_a_reason(name: str):
    """Every recorded message becomes records or has a reason."""
    for result in _mapped(name):
        assert bool(result.events or result.identities) == (result.dropped is None)
        assert result.dropped in (None, *REASONS)
