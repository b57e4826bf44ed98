"""What a report says of where it was made: the machine, the versions, the day, the commit."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from split_dest import __version__, embedded_redis

_PACKAGES = ("gunicorn", "gevent", "flask", "redis", "hiredis", "rq", "marshmallow", "orjson", "urllib3")


def described() -> str:
    """Return the machine's cores, memory and system."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory_kb = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    assert memory_kb is not None
    named = processor[1] if processor else platform.machine()
    memory_gib = int(memory_kb[1]) / 2**20
    clock = re.search(r"cpu MHz\s*: (\d+)", Path("/proc/cpuinfo").read_text())
    named += f" at {int(clock[1]) / 1000:.1f} GHz" if clock else ""
    return f"{os.cpu_count()} cores ({named}), {memory_gib:.0f} GiB, Linux {platform.release().split('-')[0]}"


def versions() -> str:
    """Return the versions of all that was at work."""
    redis = re.search(r"v=(\S+)", _said(str(embedded_redis.server()), "--version"))
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    python = platform.python_version()
    return f"split-dest {__version__}, Python {python}, redis-server {redis and redis[1]}, {packages}"


def today() -> str:
    """Return the day and the commit."""
    commit = _said("git", "describe", "--always", "--dirty", "--exclude", "*").strip()
    return f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {commit}"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
