"""Exposures: track calls that become impressions as well."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping import Mapped, lanes_of, to_impressions
from split_dest.mapping.rules import Exposures, Rules
from split_dest.segment import message
from split_dest.split.records import Impression
from tests.support.calls import KNOWN, RECEIVED_MS, SENT_MS, track

ON = replace(KNOWN, exposures=Exposures(enabled=True))
SEEN = {"experiment_name": "new_checkout", "variation_name": "on"}


def exposure(**more: Any) -> dict[str, Any]:
    """Return an exposure of a known user."""
    return track(**{"event": "Experiment Viewed", "properties": SEEN, **more})


def impression_of(sent: dict[str, Any], rules: Rules = ON) -> Mapped:
    """Return the impression of a call, beside its events."""
    return to_impressions(message.load(sent), rules, RECEIVED_MS)


def test_an_exposure_waits_in_two_lanes():
    """An exposure waits in the lanes of events and of impressions."""
    assert lanes_of(message.load(exposure()), ON) == ("events", "impressions")


@pytest.mark.parametrize(
    ("sent", "rules"),
    [
        (exposure(), KNOWN),
        (exposure(event="Experiment viewed"), ON),
        (exposure(type="page", name="Experiment Viewed"), ON),
        (exposure(event=None), ON),
    ],
)
def test_other_calls_and_settings_make_none(sent: dict[str, Any], rules: Rules):
    """Exposures are off by default; when on, only the event that the settings name is one."""
    assert lanes_of(message.load(sent), rules) == ("events",)
    assert impression_of(sent, rules).dropped == "exposures_disabled"


def test_the_impression_says_who_saw_what_and_when():
    """One impression, of the first mapped id: a user evaluates a flag once."""
    sent = exposure(anonymousId="c1")

    assert impression_of(sent).impressions == (
        Impression("new_checkout", "u1", "on", SENT_MS, "Experiment Viewed"),
    )
    assert impression_of(exposure(anonymousId="c1", userId=None)).impressions[0].key == "c1"
    assert impression_of(exposure(timestamp=None)).impressions[0].timestamp_ms == RECEIVED_MS


def test_the_paths_are_settings():
    """The settings may name another tool's event and properties."""
    rules = replace(ON, exposures=Exposures(True, "$exposure", "properties.flag.key", "properties.variant"))
    sent = track(event="$exposure", properties={"flag": {"key": "f"}, "variant": "v2"})

    assert impression_of(sent, rules).impressions == (Impression("f", "u1", "v2", SENT_MS, "$exposure"),)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (exposure(properties={}), "exposure_incomplete"),
        (exposure(properties=SEEN | {"variation_name": 2}), "exposure_incomplete"),
        (exposure(properties=SEEN | {"experiment_name": " "}), "exposure_incomplete"),
        (exposure(userId=None), "no_mapped_identity"),
        (exposure(integrations={"Split": False}), "filtered_by_integrations_object"),
    ],
)
def test_an_exposure_that_says_too_little_is_counted(sent: dict[str, Any], reason: str):
    """An exposure that lacks a flag, a treatment or a mapped id, or is not meant for Split, becomes nothing."""
    assert impression_of(sent) == Mapped(dropped=reason)


def test_an_impression_has_the_names_of_an_sdk_and_of_the_documents():
    """Split's own SDKs write short names, its documents long ones."""
    impression = Impression("f", "k", "on", 7, "Experiment Viewed")

    assert impression.to_json() == {
        "split": "f",
        "key": "k",
        "treatment": "on",
        "time": 7,
        "label": "Experiment Viewed",
    }
    short = {"k": "k", "t": "on", "m": 7, "c": 0, "r": "Experiment Viewed", "b": None, "pt": None}
    assert impression.to_sdk() == short
