"""The set-up by make: which Python it takes, and what it says of one that is too old."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SENTENCE = "Python 3.11 or newer is needed; found 3.10 ({}). Name another one: make run PYTHON=python3.12"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the set-up reads, and nothing made yet."""
    (tmp_path / ".ci").mkdir()
    for name in ("Makefile", ".ci/prepare", "requirements.txt", "requirements-dev.txt", "setup.cfg", "setup.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def interpreter(path: Path, version: str) -> Path:
    """Make a stand-in for a Python of some version: whatever it is asked, it prints that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def environment(folder: Path, version: str) -> Path:
    """Make a .venv that is set up, by a Python of some version."""
    interpreter(folder / f".venv/bin/python{version}", version)
    interpreter(folder / ".venv/bin/python", version)
    (folder / ".venv/run-ready").touch()
    return folder / ".venv"


def make(folder: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run make in the folder; *path* comes first on PATH."""
    environ = {"PATH": f"{path or Path(sys.executable).parent}:/usr/bin:/bin"}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60)


def test_a_python_that_is_too_old_ends_with_one_sentence(folder: Path, tmp_path: Path) -> None:
    """Before anything is installed or made."""
    path = interpreter(tmp_path / "bin/python3.10", "3.10").parent
    interpreter(path / "apt-get", "installing")

    result = make(folder, "run", "PYTHON=python3.10", path=path)

    assert result.returncode != 0
    assert [line for line in result.stderr.splitlines() if not line.startswith("make")] == [
        SENTENCE.format("python3.10")
    ]
    assert result.stdout == ""
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("name", ["python3.10", "python3"])
def test_an_environment_of_a_python_that_is_too_old_is_not_used(folder: Path, tmp_path: Path, name: str) -> None:
    """The same sentence, whether the Python was named or not."""
    environment(folder, "3.10")
    path = interpreter(tmp_path / "bin" / name, "3.10").parent

    result = make(folder, "run", *([f"PYTHON={name}"] if name != "python3" else []), path=path)

    assert result.returncode != 0
    assert SENTENCE.format(name) in result.stderr


@pytest.mark.parametrize("former", ["3.10", "3.99"])
def test_the_python_that_is_named_replaces_the_one_of_the_environment(folder: Path, former: str) -> None:
    """Nothing of the former one stays, and what it had is installed again."""
    environment(folder, former)

    planned = make(folder, "-n", "run", f"PYTHON={sys.executable}").stdout.splitlines()
    result = make(folder, f".venv/bin/python{VERSION}", f"PYTHON={sys.executable}")

    assert result.returncode == 0, result.stderr
    made = subprocess.run([folder / ".venv/bin/python", "-V"], capture_output=True, text=True)
    assert made.stdout.startswith(f"Python {VERSION}.")
    assert not (folder / f".venv/bin/python{former}").exists()
    assert [line for line in planned if "-r requirements.txt" in line]


def test_without_a_name_the_python_of_the_environment_stays(folder: Path) -> None:
    """So that make test goes on with what make run PYTHON=… began."""
    environment(folder, "3.99")

    assert make(folder, "-n", "run").stdout == ".venv/bin/split-dest demo --keep\n"


def test_an_environment_whose_python_is_gone_is_made_again(folder: Path) -> None:
    """As after an upgrade of the system."""
    made = environment(folder, "3.99")
    for name in ("python", "python3.99"):
        (made / "bin" / name).unlink()
        (made / "bin" / name).symlink_to("/nowhere/python")

    planned = make(folder, "-n", "run").stdout

    assert "rm -rf .venv\n" in planned
    assert "-r requirements.txt" in planned
