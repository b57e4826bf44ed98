"""The README's commands work as they stand, one after the other, in a fresh folder."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from split_dest import embedded_redis
from tests.support.sandbox import free_port

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
#: A source that the README adds to the settings.
SOURCE = README.partition("```yaml\n")[2].partition("```")[0]
#: The first block runs `make`, which installs packages; ``kill`` ends what the others have started.
COMMANDS = [block for block in BLOCKS if not block.startswith(("make ", "kill "))]
STOP = next(block for block in BLOCKS if block.startswith("kill "))
SECONDS = 50
#: As bash in a terminal, but for the first command that fails: ends, and ends what it has started.
PROLOGUE = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what a fresh clone has after ``make run``, as far as the commands use it."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "config", clone / "config")
    shutil.copy(ROOT / "Procfile", clone)
    (clone / ".venv").symlink_to(sys.prefix)
    return clone


@pytest.fixture
def ports(folder: Path) -> dict[str, str]:
    """Free ports in place of those that the README and its settings name."""
    free = {"8000": str(free_port()), "8100": str(free_port())}
    settings = folder / "config" / "development.yaml"
    settings.write_text(with_ports(settings.read_text(), free))
    return free


def with_ports(text: str, ports: dict[str, str]) -> str:
    """Return a text with other ports."""
    for port, other in ports.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    return text


def script(ports: dict[str, str]) -> Iterator[str]:
    """Yield the lines that bash runs: the README's own, in its order, and what its text asks for in between."""
    yield PROLOGUE
    for block in COMMANDS:
        if "--source" in block:
            yield f"cat >> config/mine.yaml <<'END'\n{SOURCE}END\n"
        block = block.replace("split-dest sandbox", f"split-dest sandbox --port {ports['8100']}")
        yield with_ports(block, ports)
    received = f"curl -sS 'http://127.0.0.1:{ports['8100']}/_sandbox/received?kind=events'"
    yield f"until {received} | grep Order_Completed; do sleep 0.1; done\n"
    yield from (STOP, "wait\n")


@pytest.fixture
def output(folder: Path, ports: dict[str, str]) -> str:
    """What the README's commands print; every one of them must succeed."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("SPLIT_", "WEB_"))}
    shell = subprocess.Popen(
        ["bash", "-c", "".join(script(ports))],
        cwd=folder,
        env={**environ, "PORT": ports["8000"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed = shell.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        shell.send_signal(signal.SIGTERM)
        pytest.fail(f"not done within {SECONDS} s: {shell.communicate(timeout=40)[0]}")
    logs = "\n".join(f"{log.name}: {log.read_text()}" for log in folder.glob("*.log"))
    assert shell.returncode == 0, printed + logs
    return printed


def test_the_commands_of_the_readme_work_one_after_the_other(output: str, folder: Path) -> None:
    """They do what the text says, and leave no process behind."""
    assert "2 accepted" in output
    assert re.search("web-development +webhook +events +id_not_string", output), "dead list shows no dead letter"
    assert '"event":"get_treatment"' in output, "preview shows no track call of an impression"
    assert '"duplicates":3' in output, "import does not find the messages that were sent before"
    assert (folder / "var" / "redis").is_dir()
    assert os.listdir(folder.parent) == [folder.name], "data lies outside the clone, where `make clean` leaves it"
    assert not embedded_redis.is_served(str(folder / "var" / "redis")), "Redis still runs"


def test_every_block_of_commands_is_run_by_this_test() -> None:
    """No block is left out by a slip: two are not run, the one with `make` and none other."""
    left_out = [block for block in BLOCKS if block not in (*COMMANDS, STOP)]

    assert [block.split()[:2] for block in left_out] == [["make", "run"]]
    assert len(COMMANDS) >= 8
