"""Impressions as Split's webhook posts them."""

from typing import Any

import pytest

from split_dest.errors import MessageRejected
from split_dest.split.impressions import load
from tests.segment.test_times import ZEROS, in_script

FULL = {
    "key": "user_1",
    "split": "ruby_example",
    "environmentId": "env-1",
    "environmentName": "Prod-Default",
    "treatment": "on",
    "time": 1572534218971,
    "bucketingKey": "b-1",
    "label": "default rule",
    "machineName": "ip-10-0-0-1",
    "machineIp": "10.0.0.1",
    "splitVersionNumber": 1580851834698,
    "sdk": "ruby",
    "sdkVersion": "7.3.4",
    "properties": '{"plan":"gold"}',
}


def test_a_whole_impression_is_taken_as_it_is():
    """Only the documented fields of the webhook are kept."""
    assert load(FULL | {"somethingNew": 1}) == FULL


@pytest.mark.parametrize("empty", [None, "", [], {}, True])
def test_empty_and_odd_fields_are_left_out(empty: Any):
    """Optional fields are kept if they are strings or numbers."""
    optional = ("environmentId", "environmentName", "bucketingKey", "label", "splitVersionNumber", "sdk")

    loaded = load(FULL | dict.fromkeys(optional, empty))

    assert not set(optional) & set(loaded)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("key", value) for value in (None, "", "  ", "k" * 251, True, ["k"])),
        *(("split", value) for value in (None, "", 7)),
        *(("treatment", value) for value in (None, "", False)),
        *(("time", value) for value in (None, 0, -1, True, 1.5, 253_402_300_800_000)),
        *(("time", value) for value in ("", "0", "-1", "1.5", "soon", "1" * 16, "1" * 65, "²", "253402300800000")),
    ],
)
def test_an_impression_that_says_too_little_is_refused(field: str, value: Any):
    """Key, flag, treatment and time are required; the error names the field, never its value."""
    with pytest.raises(MessageRejected) as caught:
        load(FULL | {field: value})
    with pytest.raises(MessageRejected):
        load({name: sent for name, sent in FULL.items() if name != field})

    assert caught.value.code == "impression_incomplete"
    assert caught.value.detail == f"at {field}"


def test_a_number_as_a_key_is_its_digits():
    """A key that is a number becomes its digits, as in SDKs."""
    assert load(FULL | {"key": 42})["key"] == "42"


@pytest.mark.parametrize(
    "text", ["1572534218971", " 1572534218971\n", *(in_script(zero, "1572534218971") for zero in ZEROS)]
)
def test_a_time_may_be_a_text_of_digits(text: str):
    """A text of digits, in any script, is the number that it spells."""
    assert load(FULL | {"time": text}) == FULL


def test_a_whole_number_may_be_written_as_a_fraction():
    """A time such as 1.0 counts as whole."""
    assert repr(load(FULL | {"time": 1572534218971.0})["time"]) == "1572534218971"
