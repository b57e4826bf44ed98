"""``python -m tests.fuzz TARGET [--seconds N] [FILE]``: fuzz one target with atheris, or try one file once."""

import argparse
import hashlib
import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import atheris

from tests.fuzz import TARGETS

FOUND = Path("var/fuzz")


def main() -> None:
    """Try the file, or fuzz until the time is over or an input fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("file", type=Path, nargs="?")
    options = parser.parse_args()
    with atheris.instrument_imports(include=["split_dest"]):
        target = importlib.import_module(f"tests.fuzz.{options.target}")
    if options.file:
        target.try_one(options.file.read_bytes())
    else:
        fuzz(options.target, target, options.seconds)


def fuzz(name: str, target: ModuleType, seconds: int) -> None:
    """Let atheris fuzz the target; never return."""
    folder = FOUND / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=20000",
        "-len_control=0",
        "-timeout=20",
        "-print_final_stats=1",
    ]
    atheris.Setup(
        ["fuzz", *options, f"-artifact_prefix={folder}/", str(corpus)], with_hint(name, folder, target.try_one)
    )
    atheris.Fuzz()


def with_hint(name: str, folder: Path, try_one: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return the same function, which prints how to run a failing input again."""

    def tried(data: bytes) -> None:
        try:
            try_one(data)
        except BaseException:
            traceback.print_exc()
            crash = folder / f"crash-{hashlib.sha1(data, usedforsecurity=False).hexdigest()}"
            print(f"\nRun it again: .venv/bin/python -m tests.fuzz {name} {crash}\n", flush=True)
            raise

    return tried


main()
