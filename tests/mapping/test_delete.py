"""Delete calls: Segment's user deletions as deletions of identities."""

from dataclasses import replace
from typing import Any

import pytest

from split_dest.mapping.rules import Identify
from split_dest.split.records import Identity
from tests.support.calls import KNOWN, SENT_MS, call, mapped

ON = replace(KNOWN, delete_enabled=True)


def test_a_delete_call_removes_what_an_identify_call_would_write():
    """Each mapped id of a delete call deletes an identity."""
    result = mapped(call("delete", anonymousId="c1", context=[], integrations=None), ON)

    assert result.identities == (
        Identity("user", "u1", None, SENT_MS),
        Identity("anonymous", "c1", None, SENT_MS),
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"userId": None}, "no_mapped_identity"),
        ({"userId": "", "groupId": "g1"}, "no_mapped_identity"),
        ({"integrations": {"Split": False}}, "filtered_by_integrations_object"),
    ],
)
def test_a_delete_call_that_names_nobody_becomes_nothing(sent: dict[str, Any], reason: str):
    """A delete call that names nobody, or is not meant for Split, deletes nothing and is counted."""
    assert mapped(call("delete", **sent), ON).dropped == reason


def test_ids_that_identify_calls_do_not_write_are_not_removed():
    """Only identities that identify calls write are deleted."""
    rules = replace(ON, identify=Identify(paths=("anonymousId",)))

    assert mapped(call("delete"), rules).dropped == "no_mapped_identity"
