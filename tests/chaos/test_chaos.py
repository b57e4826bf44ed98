"""Every scenario of the proving ground, in its short form."""

from pathlib import Path

import pytest

from tests.chaos.all import SCENARIOS
from tests.chaos.scenario import Dose


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_must_hold_holds(name: str, tmp_path: Path) -> None:
    """What the scenario breaks costs nothing but time."""
    measured = SCENARIOS[name].run(tmp_path, Dose(seed=20260101))

    print(measured)
