"""Numbers that the environment sets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from split_dest import config
from split_dest.errors import SettingsError
from tests.config.conftest import DESTINATION, VARIABLES

DEFAULTS = {"PORT": 8000, "WEB_CONCURRENCY": 1, "WEB_PROXIES": 0, "WORKER_CONCURRENCY": 2}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
@pytest.mark.parametrize(
    "environ", [{}, {"PORT": "", "WEB_CONCURRENCY": "", "WEB_PROXIES": "", "WORKER_CONCURRENCY": ""}]
)
def test_a_number_that_is_not_set_has_its_default(name, default, environ):
    """An empty variable counts as absent."""
    assert config.number(name, environ) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "80", 80),
        ("WEB_CONCURRENCY", "1000", 1000),
        ("WEB_PROXIES", "0", 0),
        ("WORKER_CONCURRENCY", "016", 16),
    ],
)
def test_a_number_that_is_set_counts(name, text, value):
    """The ends of a range belong to it."""
    assert config.number(name, {name: text}) == value


@pytest.mark.parametrize(
    ("name", "text", "limits"),
    [
        ("PORT", "http", "between 1 and 65535"),
        ("PORT", "65536", "between 1 and 65535"),
        ("WEB_CONCURRENCY", "0", "between 1 and 1000"),
        ("WEB_PROXIES", "x", "between 0 and 100"),
        ("WORKER_CONCURRENCY", "-3", "between 1 and 1000"),
        ("WORKER_CONCURRENCY", "1.5", "between 1 and 1000"),
        ("WORKER_CONCURRENCY", " 7", "between 1 and 1000"),
        ("WORKER_CONCURRENCY", "٣", "between 1 and 1000"),
        ("WORKER_CONCURRENCY", "9" * 5000, "between 1 and 1000"),
    ],
)
def test_a_number_that_cant_be_read_is_refused(name, text, limits):
    """A sentence names the variable, its range, and what it holds."""
    with pytest.raises(SettingsError) as refused:
        config.number(name, {name: text})

    assert str(refused.value) == f'{name} must be a whole number {limits}, not "{text}"'


def test_check_refuses_them_as_well(tmp_path):
    """It is the command to run before a start."""
    with pytest.raises(SettingsError, match="WEB_CONCURRENCY must be"):
        config.check(tmp_path / "absent.yaml", {"WEB_CONCURRENCY": "x"})


WEB = (
    "gunicorn",
    "--config",
    "python:split_dest.web.gunicorn",
    "--bind",
    "127.0.0.1:0",
    "split_dest.web:create_app()",
)


@pytest.mark.parametrize(
    ("command", "name", "code"),
    [
        (("workers",), "WORKER_CONCURRENCY", 2),
        (WEB, "WEB_PROXIES", 4),
        (("split_dest", "run"), "WEB_CONCURRENCY", 2),
        (("split_dest", "run"), "PORT", 2),
    ],
    ids=["workers", "web", "run", "port"],
)
def test_a_process_that_reads_it_does_not_start(tmp_path, command, name, code):
    """Its output is the sentence alone."""
    file = tmp_path / "settings.yaml"
    file.write_text(DESTINATION)
    environ = os.environ | VARIABLES | {"SPLIT_DEST_CONFIG": str(file), name: "x"}

    ended = subprocess.run(
        [sys.executable, "-m", *command],
        env=environ,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    limits = config.NUMBERS[name]
    assert ended.returncode == code
    assert (
        ended.stderr == f'{name} must be a whole number between {limits.minimum} and {limits.maximum}, not "x"\n'
    )
