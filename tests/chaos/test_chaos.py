"""Every scenario of the proving ground, in its short form."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.all import SCENARIOS
from tests.chaos.scenario import Dose

#: In CI nothing is left out: what lacks there fails.
_MAY_LACK = os.environ.get("CI") != "true"


def _names() -> Iterator[Any]:
    for name, each in SCENARIOS.items():
        reason = each.lacks() if _MAY_LACK else ""
        yield pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [*_names()])
def test_what_must_hold_holds(name: str, tmp_path: Path) -> None:
    """What the scenario breaks costs nothing but time."""
    measured = SCENARIOS[name].run(tmp_path, Dose(seed=20260101))

    print(measured)
