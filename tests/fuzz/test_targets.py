"""The fuzzer's targets, run without it, so that they do not rot."""

import importlib
import random

import pytest

from tests.fuzz import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_grows_of_them_break_nothing(name: str) -> None:
    """Every seed passes, and so do some dozen inputs that are cut, repeated, mixed and overwritten."""
    target = importlib.import_module(f"tests.fuzz.{name}")
    seeds = sorted(set(target.seeds()), key=len)
    chance = random.Random(name)

    for seed in seeds[:50]:
        target.try_one(seed)
    for _ in range(50):
        target.try_one(grown(seeds[: len(seeds) * 3 // 4], chance))
    target.try_one(b"")


def grown(seeds: list[bytes], chance: random.Random) -> bytes:
    """Return a seed with a few changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.choices(range(len(data) + 1), k=2))
        other = chance.choice(seeds)
        piece = other[chance.randint(0, len(other)) :][: chance.randint(0, 40)]
        data[at : chance.choice([at, at + 1, end])] = chance.choice(
            [piece, chance.randbytes(2), data[at:end][:40]]
        )
    return bytes(data)
