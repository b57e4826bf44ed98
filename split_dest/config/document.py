"""A YAML file to plain values that remember where they stand, with variables of the environment filled in."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from split_dest.errors import Problem, SettingsError

Where = tuple[str | int, ...]

#: A reference such as ``${NAME}``, or ``${/path}`` for what stands in a file.
VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ABSENT = object()
#: Nothing real is nested so deep or holds so much; an alias that holds itself does.
_MAX_DEPTH = 32
_MAX_VALUES = 50_000
#: What PyYAML quotes from the file may be part of a secret; its own words stand in angle brackets.
_QUOTED = re.compile(r" '(?!<|\\)[^']{2,}'")


class FromEnvironment(str):
    """A value filled in from the environment, or from a file named there; ``template`` stood in its place."""

    __slots__ = ("template",)
    template: str

    def __new__(cls, value: str, template: str) -> "FromEnvironment":
        """Gives the value."""
        made = super().__new__(cls, value)
        made.template = template
        return made


@dataclass(slots=True)
class Document:
    """A settings file as read: its value, where each key and value stands, and what was wrong already.

    ``unfilled`` is where a variable is missing: what else is wrong with that value is only a consequence.
    ``left_out`` are the keys whose optional variable is absent.
    """

    file: str
    value: Any = None
    key_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    value_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unfilled: set[Where] = field(default_factory=set)
    left_out: list[Where] = field(default_factory=list)

    def note(self, where: Where, text: str, *, at_key: bool = False) -> None:
        """Adds a problem, placed at the nearest thing that stands in the file."""
        marks = self.key_marks if at_key else self.value_marks
        mark = marks.get(where)
        while mark is None and where:
            where = where[:-1]
            mark = self.value_marks.get(where)
        self.problems.append(_problem(self.file, mark, text))


def read(path: Path, environ: Mapping[str, str], *, need_variables: bool = True) -> Document:
    """Gives the file's document.

    Args:
        path: the YAML file.
        environ: where ``${NAME}`` and ``NAME_FILE`` are looked up.
        need_variables: False lets any variable be absent; its setting is then left out.

    Raises:
        SettingsError: the file can't be read or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([Problem(str(path), 1, 1, f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(str(path), 1, 1, "is not UTF-8 text")]) from error
    loader, node = _parsed(text, str(path))
    document = Document(str(path))
    reader = _Reader(document, loader.construct_object, environ, need_variables)
    value = reader.value(node, ()) if node is not None else None
    document.value = {} if value in (None, _ABSENT) else value
    return document


def _parsed(text: str, file: str) -> tuple[yaml.SafeLoader, yaml.Node | None]:
    try:
        loader = yaml.SafeLoader(text)
        return loader, loader.get_single_node()
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        problem = Problem(file, line, column, f"not YAML: the character #x{error.character:04x} is not allowed")
        raise SettingsError([problem]) from error
    except yaml.MarkedYAMLError as error:
        said = _QUOTED.sub("", error.problem or "can't be read")
        raise SettingsError([_problem(file, error.problem_mark, f"not YAML: {said}")]) from error
    except RecursionError as error:
        raise SettingsError([Problem(file, 1, 1, "nested too deep")]) from error


def _problem(file: str, mark: yaml.Mark | None, text: str) -> Problem:
    return Problem(file, mark.line + 1, mark.column + 1, text) if mark else Problem(file, 1, 1, text)


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    construct: Callable[[yaml.Node], Any]
    environ: Mapping[str, str]
    need_variables: bool
    visits: Iterator[int] = field(default_factory=lambda: count(1))

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.document.value_marks[where] = node.start_mark
        # Counted by visits: values that are left out all have the place of the next one.
        if next(self.visits) > _MAX_VALUES:
            text = "holds too much; does an alias hold itself?"
            raise SettingsError([_problem(self.document.file, node.start_mark, text)])
        if len(where) > _MAX_DEPTH:
            self.document.note(where, "nested too deep")
            return _ABSENT
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, where)
        return self._scalar(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        seen = set()
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*where, key)
            self.document.key_marks[here] = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.note(here, "a key must be a single word", at_key=True)
                continue
            if key in seen:
                self.document.note(here, f'"{key}" stands here twice', at_key=True)
            seen.add(key)
            value = self.value(value_node, here)
            if value is _ABSENT:
                self.document.left_out.append(here)
            else:
                found[key] = value
        return found

    def _sequence(self, node: yaml.SequenceNode, where: Where) -> Any:
        found: list[Any] = []
        for child in node.value:
            value = self.value(child, (*where, len(found)))
            if value is not _ABSENT:
                found.append(value)
        if node.value and not found and not self.need_variables:
            return _ABSENT
        return found

    def _scalar(self, node: yaml.Node, where: Where) -> Any:
        try:
            value = self.construct(node)
        except (ValueError, LookupError, AttributeError, yaml.YAMLError):
            # PyYAML trusts a tag such as !!bool; a value that does not fit it is judged as the text it is.
            value = node.value
        if isinstance(value, str) and VARIABLE.search(value):
            return self._filled_in(value, where)
        return value

    def _filled_in(self, text: str, where: Where) -> Any:
        values = {reference: self._variable(reference, where) for reference in VARIABLE.findall(text)}
        if None in values.values() and (VARIABLE.fullmatch(text) or not self.need_variables):
            return _ABSENT
        return FromEnvironment(VARIABLE.sub(lambda found: values[found[1]] or "", text), text)

    def _variable(self, reference: str, where: Where) -> str | None:
        if reference.startswith("/"):
            return self._content(reference, where)
        name = reference.removesuffix(":-")
        if not _NAME.fullmatch(name):
            return self._stand_in(where, "write ${NAME}, or ${NAME:-} if it may be absent")
        try:
            value = self._looked_up(name)
        except (OSError, UnicodeDecodeError):
            text = f"{name}_FILE names a file that can't be read as text"
            return self._stand_in(where, text) if self.need_variables else None
        if value is None and self.need_variables and name == reference:
            text = f"${{{name}}}: set the variable {name}, or {name}_FILE to a file's path"
            return self._stand_in(where, text)
        return value

    def _content(self, path: str, where: Where) -> str | None:
        """Return what stands in the file of ``${/path}``."""
        with suppress(OSError, UnicodeDecodeError):
            if value := Path(path).read_text(encoding="utf-8").strip():
                return value
        text = "the file is empty, or can't be read as text"
        return self._stand_in(where, text) if self.need_variables else None

    def _stand_in(self, where: Where, text: str) -> str:
        self.document.note(where, text)
        self.document.unfilled.add(where)
        return "?"

    def _looked_up(self, name: str) -> str | None:
        given, file = self.environ.get(name), self.environ.get(f"{name}_FILE")
        if given or not file:
            return given or None
        return Path(file).read_text(encoding="utf-8").strip() or None
