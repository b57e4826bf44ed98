"""docs/design.md says what is there: its rooms, its keys in Redis, its scripts."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "design.md").read_text()
SCRIPTS = ROOT / "split_dest" / "inbox" / "scripts"
MODULES = [path for name in ("split_dest", "workers") for path in (ROOT / name).rglob("*.py")]
#: What keys begin with in the scripts, by the variable that holds it; a star is any part of a key.
BEGINNINGS = {"house": "sd:", "prefix": "sd:*:", "ARGV[1]": "sd:*:", "key": "sd:*:*:drain:*"}
TERM = r"(?:'[^']*'|[\w.]+(?:\[\w+\])?)"
CHAIN = re.compile(rf"{TERM}(?: \.\. {TERM})+")


def chapter(heading: str) -> str:
    """Return what stands below a heading."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_cells(heading: str) -> list[str]:
    """Return the names in the first cells of a chapter's tables."""
    return re.findall(r"^\| `([^`]+)` \|", chapter(heading), re.MULTILINE)


def in_scripts() -> Iterator[str]:
    """Yield the keys that the scripts build or name."""
    for path in SCRIPTS.glob("*.lua"):
        text = re.sub("--.*", "", path.read_text())
        for chain in CHAIN.findall(text):
            first, *rest = chain.split(" .. ")
            if first in BEGINNINGS:
                yield BEGINNINGS[first] + "".join(term.strip("'") if "'" in term else "*" for term in rest)


def in_modules() -> Iterator[str]:
    """Yield the keys that the Python code builds or names."""
    for path in MODULES:
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "key":
                yield ":".join(["sd", *map(part, node.args)])


def part(node: ast.expr) -> str:
    """Return a part of a key, with a star for what is not known."""
    return str(node.value) if isinstance(node, ast.Constant) else "*"


@cache
def used_keys() -> set[str]:
    """Return every key of ours in the code; a star is any part of it."""
    keys = {key for key in (*in_scripts(), *in_modules()) if is_ours(key)}
    # A key that ends with a colon is the beginning of others. An owner's own is that of all; `keep` keeps any.
    return {key + "*" if key.endswith(":") else key for key in keys - {"sd:", "sd:*", "sd:*:", "sd:*:*"}}


def is_ours(key: str) -> bool:
    """Return whether a key is neither RQ's nor something else."""
    return key.startswith("sd:") and not key.startswith("sd:rq:")


def rows_of_keys() -> list[str]:
    """Return the keys of the table."""
    return [row for row in first_cells("Keys in Redis") if is_ours(row)]


def is_row(row: str, key: str) -> bool:
    """Return whether a row of the table is about a key."""
    return re.fullmatch(re.sub("<[^>]+>", "[^:]+", row), key) is not None


def test_every_key_in_the_code_has_a_row() -> None:
    """No key is written or read that the table does not explain."""
    rows = rows_of_keys()

    assert len(used_keys()) >= 15
    assert {key for key in used_keys() if not any(is_row(row, key) for row in rows)} == set()


def test_every_row_is_of_a_key_in_the_code() -> None:
    """No row outlives its key, and none stands twice."""
    rows = rows_of_keys()

    assert [row for row in rows if not any(is_row(row, key) for key in used_keys())] == []
    assert len(set(rows)) == len(rows)


def test_the_table_has_the_keys_that_redis_users_may_use() -> None:
    """The rights of config/acl/users.acl are for these keys, for all of them and for no others."""
    rights = set(filter(is_ours, re.findall(r"~(\S+)", (ROOT / "config" / "acl" / "users.acl").read_text())))
    keys = [re.sub("<[^>]+>", "x", row) for row in rows_of_keys()]

    assert [right for right in rights if not any(fnmatchcase(key, right) for key in keys)] == []
    assert [key for key in keys if not any(fnmatchcase(key, right) for right in rights)] == []


def test_the_scripts_are_those_that_are_there() -> None:
    """Each script has its row."""
    assert set(first_cells("Scripts")) == {path.stem for path in SCRIPTS.glob("*.lua")} - {"lib"}


def test_the_rooms_are_those_that_are_there() -> None:
    """Each package and each module beside them has its row."""
    modules = {path.name for path in (ROOT / "split_dest").glob("*.py") if not path.name.startswith("__")}
    packages = {path.parent.name for path in (ROOT / "split_dest").glob("*/__init__.py")}

    assert set(first_cells("Rooms")) == {f"split_dest/{name}" for name in modules | packages} | {"workers"}
