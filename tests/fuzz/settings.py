"""The settings file: any bytes load, or every problem is reported with its place."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from split_dest import config
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError
from tests.support.documented import DOCUMENTED, VARIABLES

FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-settings-")
FILE = Path(FOLDER.name) / "settings.yaml"


def seeds() -> Iterator[bytes]:
    """Yield the documented settings, whole and by section, those of config/, and odd YAML."""
    documented = DOCUMENTED.read_bytes()
    yield b"\1" + documented
    yield from (b"\0" + part for part in documented.split(b"\n\n") if part.strip())
    yield from (b"\1" + file.read_bytes() for file in sorted(Path("config").glob("*.yaml")))
    yield b"\0a: &a [*a, *a]\n? [b]\n: !!binary x\nc: !!timestamp 2001-99-99\nd: ${X:-}\n<<: *a\n"


def try_one(data: bytes) -> None:
    """Every file gives settings, or problems with places in the file; never another error."""
    FILE.write_bytes(data[1:])
    lines = data.decode("utf-8", "replace").count("\n") + 1
    try:
        result = config.load(FILE, VARIABLES, need_secrets=data[:1] == b"\1")
    except SettingsError as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.text
            assert 1 <= problem.line <= lines + 1 or b"\r" in data or not data.isascii()
            assert problem.column >= 1
    else:
        assert isinstance(result, Settings)
