"""The house keeps its order: who imports whom, how long things are, and documents that say what is true."""

import ast
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from split_dest.cli import cli
from split_dest.errors import REASONS

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for name in ("split_dest", "workers") for path in (ROOT / name).rglob("*.py"))
OURS = [path for path in SOURCES if path.is_relative_to(ROOT / "split_dest")]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
#: The rooms that each room may import from; its own modules always.
MAY_IMPORT = {
    "errors": set(),
    "numbers": set(),
    "segment": {"errors", "numbers"},
    "split": {"errors", "numbers"},
    "mapping": {"errors", "numbers", "segment", "split"},
    "logs": {"terminal"},
    "terminal": set(),
    "config": {"errors", "mapping", "split"},
    "inbox": {"errors", "mapping", "segment", "split"},
    "outlets": {"errors", "mapping", "segment", "split"},
    "sandbox": set(),
    "embedded_redis": {"errors", "inbox"},
}
PURE = ("errors", "numbers", "segment", "split", "mapping")
#: What a pure module may not touch: clocks, I/O, and the libraries of the edges.
IMPURE = {
    "time",
    "os",
    "random",
    "secrets",
    "uuid",
    "threading",
    "asyncio",
    "concurrent",
    "multiprocessing",
    "socket",
    "io",
    "sys",
    "tempfile",
    "logging",
    "pathlib",
    "subprocess",
    "redis",
    "rq",
    "flask",
    "urllib3",
    "yaml",
    "click",
}
#: The same hidden in calls: today's date, files, and what could do anything.
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "eval", "exec", "__import__"}


def name_of(path: Path) -> str:
    """Return a file's path in the project."""
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    """Return the first folder or module below split_dest."""
    return path.relative_to(ROOT / "split_dest").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_rooms_import_only_what_they_may(path: Path) -> None:
    """Errors ← segment, split ← mapping ← inbox, outlets, config ← web, workers, cli; nobody imports workers."""
    mine = room(path)
    names = [name.split(".") for name in imports(path)]

    assert not [name for name in names if name[0] == "workers"]
    if mine in MAY_IMPORT:
        others = {name[1] for name in names if name[0] == "split_dest" and len(name) > 1} - {mine, "__version__"}
        assert others <= MAY_IMPORT[mine]


@pytest.mark.parametrize(
    "path",
    [path for path in OURS if room(path) in PURE],
    ids=name_of,
)
def test_pure_rooms_have_no_clock_and_no_io(path: Path) -> None:
    """What the mapping gives depends on nothing but the message and the rules."""
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    assert not set(calls(path)) & IMPURE_CALLS


def test_serving_http_is_left_to_libraries() -> None:
    """Nothing of gunicorn is imported but the base class for applications; gevent is imported by web alone."""
    found = [(path, name) for path in OURS for name in imports(path)]

    assert {name for _, name in found if name.split(".")[0] == "gunicorn"} <= {"gunicorn.app.base.BaseApplication"}
    assert {room(path) for path, name in found if name.split(".")[0] == "gevent"} == {"web"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/*.py")), ids=name_of)
def test_benchmarks_stand_on_their_own(path: Path) -> None:
    """They measure the service as somebody else would, without the helpers of the tests."""
    assert [name for name in imports(path) if name.split(".")[0] == "tests"] == []


@pytest.mark.parametrize("name", ["workers", "split_dest.cli", "split_dest.sandbox"])
def test_gevent_does_not_reach_workers_or_commands(name: str) -> None:
    """Whose threads and connections to Split it would turn into something else."""
    script = (
        f"import importlib, pkgutil, sys\n"
        f"room = importlib.import_module({name!r})\n"
        "for module in pkgutil.iter_modules(getattr(room, '__path__', []), room.__name__ + '.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "assert 'gevent' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def calls(path: Path) -> Iterator[str]:
    """Yield the last names of what a file calls."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's name and the lines of its body without the docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield node.name, (node.end_lineno or 0) - body[0].lineno + 1


def test_each_name_of_a_class_stands_once() -> None:
    """One word, one meaning. The sandbox imports nothing, so it has its own classes for what it imitates."""
    names = Counter(
        node.name
        for path in SOURCES
        if "sandbox" not in path.relative_to(ROOT).parts
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name_of)
def test_functions_fit_in_a_glance(path: Path) -> None:
    """No function has over 25 lines of body."""
    assert [found for found in functions(path) if found[1] > 25] == []


def test_nothing_connects_or_starts_a_process_at_import() -> None:
    """Importing every module opens no connection and starts no process."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES if path.name != "__main__.py"
    ]
    # It patches the standard library, so it comes first wherever it comes.
    names.sort(key=lambda name: name != "split_dest.web.gunicorn")
    script = (
        "import importlib, sys\n"
        "def hook(event, args):\n"
        "    if event in ('socket.connect', 'subprocess.Popen', 'os.posix_spawn', 'os.fork'):\n"
        "        raise SystemExit(event)\n"
        "sys.addaudithook(hook)\n"
        f"for name in {names!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_reason_code_in_the_code_is_listed() -> None:
    """A code that is raised, settled or answered stands in REASONS."""
    raisers = "MessageRejected|MessageFiltered|Refused|filtered|dead|error|_Object"
    raising = re.compile(rf'\b(?:{raisers})\(\s*(?:\d+, |[\w.\[\]]+, )?"([a-z_]+)"')
    ours = [path for path in SOURCES if "sandbox" not in path.relative_to(ROOT).parts]
    used = {code for path in ours for code in raising.findall(path.read_text())}

    logged = {code for path in SOURCES for code in re.findall(r'logs\.\w+\(\s*"([a-z_]+)"', path.read_text())}
    assert len(used) >= 25
    assert used - logged <= set(REASONS)


def test_the_page_of_reasons_is_complete_and_true() -> None:
    """docs/reasons.md lists every code with its meaning, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs/reasons.md").read_text(), re.MULTILINE)

    assert dict(rows) == REASONS
    assert len(rows) == len(REASONS)


def test_codes_in_the_other_documents_exist() -> None:
    """The README's answers and the operator's page name codes that exist."""
    answers = (ROOT / "README.md").read_text().partition("## HTTP responses")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| \d+ \|([^|]*)\|", answers, re.MULTILINE))
    codes = {code for cell in named for code in re.findall(r"`(\w+)`", cell)}

    assert len(codes) >= 9
    assert codes <= set(REASONS)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the split-dest command lines that a document shows."""
    for line in re.findall(r"(?:^ *|`)split-dest ([a-z][^`\n#]*)", text, re.MULTILINE):
        yield shlex.split(line)


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/settings.md"])
def test_commands_in_documents_are_real(page: str) -> None:
    """Every split-dest command that a document shows is understood by click."""
    shown = list(commands((ROOT / page).read_text()))

    assert shown
    for words in shown:
        check_command(cli, words)


def check_command(group: click.Command, words: list[str]) -> None:
    """Ensure that words name a command with options that it has."""
    while isinstance(group, click.Group) and words:
        assert words[0] in group.commands, words
        group, words = group.commands[words[0]], words[1:]
    known = {name for parameter in group.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.parametrize(
    ("page", "least"), [("README.md", {"run", "test"}), ("CONTRIBUTING.md", {"test", "lint", "types"})]
)
def test_make_targets_in_documents_exist(page: str, least: set[str]) -> None:
    """Every `make …` that a document shows is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {
        word
        for words in re.findall(r"(?:^|`)make ([a-z ]+)", (ROOT / page).read_text(), re.MULTILINE)
        for word in words.partition("  ")[0].split()
    }

    assert least <= shown
    assert shown <= targets


def test_log_events_on_the_operators_page_are_those_of_the_code() -> None:
    """docs/operations.md lists every fixed event name."""
    logged = {
        code for path in SOURCES for code in re.findall(r'(?:logs\.\w+|\blog)\(\s*"([a-z_]+)"', path.read_text())
    }
    section = (ROOT / "docs/operations.md").read_text().partition("### Log events")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == logged | {"library"}
