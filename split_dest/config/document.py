"""A YAML file to plain values that remember where they stand, with variables of the environment filled in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from split_dest.errors import Problem, SettingsError

Where = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ABSENT = object()
#: Nothing real is nested so deep; an alias that holds itself is.
_MAX_DEPTH = 32


class FromEnvironment(str):
    """A value that stood in the environment or in a file it named, not in the settings file."""

    __slots__ = ()


@dataclass(slots=True)
class Document:
    """A settings file as read: its value, where each key and value stands, and what was wrong already."""

    file: str
    value: Any = None
    key_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    value_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def note(self, where: Where, text: str, *, at_key: bool = False) -> None:
        """Adds a problem, placed at the nearest thing that stands in the file."""
        marks = self.key_marks if at_key else self.value_marks
        mark = marks.get(where)
        while mark is None and where:
            where = where[:-1]
            mark = self.value_marks.get(where)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.problems.append(Problem(self.file, line, column, text))


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
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except OSError as error:
        raise SettingsError([Problem(str(path), 1, 1, f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(str(path), 1, 1, "is not UTF-8 text")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SettingsError([Problem(str(path), line, column, f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise SettingsError([Problem(str(path), 1, 1, f"not YAML: {error}")]) from error
    document = Document(str(path))
    reader = _Reader(document, loader.construct_object, environ, need_variables)
    value = reader.value(node, ()) if node is not None else None
    document.value = {} if value in (None, _ABSENT) else value
    return document


@dataclass(frozen=True, slots=True)
class _Reader:
    document: Document
    construct: Callable[[yaml.Node], Any]
    environ: Mapping[str, str]
    need_variables: bool

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.document.value_marks[where] = node.start_mark
        if len(where) > _MAX_DEPTH:
            self.document.note(where, "nested too deep")
            return _ABSENT
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(child, (*where, n)) for n, child in enumerate(node.value)]
            return [item for item in items if item is not _ABSENT]
        return self._scalar(node, where)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*where, key)
            if here in self.document.key_marks:
                self.document.note(here, f'"{key}" stands here twice')
            self.document.key_marks[here] = key_node.start_mark
            value = self.value(value_node, here)
            if value is not _ABSENT:
                found[key] = value
        return found

    def _scalar(self, node: yaml.Node, where: Where) -> Any:
        try:
            value = self.construct(node)
        except (ValueError, yaml.YAMLError):
            value = node.value
        if isinstance(value, str) and "${" in value:
            return self._filled_in(value, where)
        return value

    def _filled_in(self, text: str, where: Where) -> Any:
        filled, missing = text, False
        for reference in _VARIABLE.findall(text):
            value = self._variable(reference, where)
            missing = missing or value is None
            filled = filled.replace("${" + reference + "}", value or "")
        if missing and _VARIABLE.fullmatch(text):
            return _ABSENT
        return FromEnvironment(filled)

    def _variable(self, reference: str, where: Where) -> str | None:
        name = reference.removesuffix(":-")
        if not _NAME.fullmatch(name):
            self.document.note(where, f"${{{reference}}}: write ${{NAME}}, or ${{NAME:-}} if it may be absent")
            return None
        value = self._looked_up(name, where)
        if value is None and self.need_variables and name == reference:
            self.document.note(where, f"${{{name}}}: set the variable {name}, or {name}_FILE to a file's path")
            return name
        return value

    def _looked_up(self, name: str, where: Where) -> str | None:
        file = self.environ.get(f"{name}_FILE")
        if self.environ.get(name) or not file:
            return self.environ.get(name) or None
        try:
            return Path(file).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            self.document.note(where, f"{name}_FILE names a file that can't be read as text")
            return None
