"""Links and file names in the documents lead somewhere."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Folders that a file name in a document may start from.
BASES = (ROOT, ROOT / "split_dest")
#: Words that have plainer ones: should, again, started, current, under way, its own, this many.
_ODD = re.compile(
    r"\b(shall|anew|begun|at hand|in the air|in the midst|of its own|none of ours|so many|as many as|for so long"
    r"|hence)\b",
    re.IGNORECASE,
)
_MODULES = [
    path for room in ("benchmarks", "split_dest", "tests", "workers") for path in (ROOT / room).rglob("*.py")
]
_SOURCES = [path for path in _MODULES if "node_modules" not in path.parts and path != Path(__file__)]
_TEXTS = sorted([*PAGES, *_SOURCES, *(ROOT / "split_dest").rglob("*.lua")])
#: Third persons, with which a docstring of a function must not begin.
_THIRD = (
    "Gives|Makes|Says|Tells|Takes|Keeps|Returns|Yields|Stores|Reads|Writes|Posts|Waits|Starts|Ends|Runs|Sends|Asks"
)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to another page or heading finds it."""
    lost = []
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    """A path in a document is one of the project's; a star stands for several."""
    names = re.findall(r"`((?:[\w.*]+/)+[\w.*]+\.(?:py|lua|yaml|md|acl))`", page.read_text())

    assert [name for name in names if not any(any(base.glob(name)) for base in BASES)] == []


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_are_in_plain_words(path: Path) -> None:
    """No word stands there that has a plainer one."""
    lines = path.read_text().splitlines()

    assert [line for line in lines if _ODD.search(line)] == []


@pytest.mark.parametrize("path", sorted(_SOURCES), ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_of_functions_are_imperative(path: Path) -> None:
    """They say what to do, as Python's own style guide asks (PEP 257)."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    docstrings = [ast.get_docstring(node) or "" for node in functions]

    assert [text.splitlines()[0] for text in docstrings if re.match(rf"({_THIRD})\b", text)] == []
