"""Every scenario of the proving ground, in its short form."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.all import SCENARIOS
from tests.chaos.scenario import Dose

#: Run in the long form only, each beside a cheaper one that breaks the same kind of thing here.
LONG_ONLY = {
    "kills_while_slow": "kills",
    "disk_full_always": "disk_full",
    "back_off": "retry_after",
    "replicas_promoted": "masters_lost",
    "masters_lost_without_copies": "masters_lost",
    "neighbour": "refusals",
    "hosts": "redis_stops",
}
#: They compare times of answers.
_ALONE = ("blanks", "floods", "large_posts", "hang_ups")
#: In CI nothing is left out: what lacks there fails.
_MAY_LACK = os.environ.get("CI") != "true"


def _names() -> Iterator[Any]:
    for name in [name for name in SCENARIOS if name not in LONG_ONLY]:
        reason = SCENARIOS[name].lacks() if _MAY_LACK else ""
        alone = [pytest.mark.alone] if name in _ALONE else []
        yield pytest.param(name, marks=[pytest.mark.skipif(bool(reason), reason=reason), *alone])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [*_names()])
def test_what_must_hold_holds(name: str, tmp_path: Path) -> None:
    """What the scenario breaks costs nothing but time."""
    measured = SCENARIOS[name].run(tmp_path, Dose(seed=20260101))

    print(measured)


def test_what_is_left_to_the_long_form_has_a_twin() -> None:
    """Each is a scenario, and its twin is run here."""
    assert set(LONG_ONLY) <= set(SCENARIOS)
    assert set(LONG_ONLY.values()) <= set(SCENARIOS) - set(LONG_ONLY)
