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
_Pair = tuple[yaml.Node, yaml.Node]

#: A reference such as ``${NAME}``, or ``${/path}`` for what stands in a file.
VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ABSENT = object()
_MERGE = "tag:yaml.org,2002:merge"
#: No real file is nested so deep or holds this many values; an alias that contains itself does.
_MAX_DEPTH = 32
_MAX_VALUES = 50_000
#: A quotation from the file, which may be part of a secret; PyYAML's own words stand in angle brackets.
_QUOTED = re.compile(r" '(?!<|\\)[^']{2,}'")


class FromEnvironment(str):
    """A value filled in from the environment, or from a file named there; ``template`` stood in its place."""

    __slots__ = ("template",)
    template: str

    def __new__(cls, value: str, template: str) -> "FromEnvironment":
        """Return the value."""
        filled = super().__new__(cls, value)
        filled.template = template
        return filled


@dataclass(slots=True)
class YamlSource:
    """A settings file as read: its value, where each key and value stands, and the problems so far.

    ``unfilled`` is where a variable is missing: what else is wrong with that value is only a consequence.
    ``left_out`` are the keys whose optional variable is absent. ``duplicated`` are the keys that stand twice.
    """

    file: str
    value: Any = None
    key_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    value_marks: dict[Where, yaml.Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unfilled: set[Where] = field(default_factory=set)
    left_out: list[Where] = field(default_factory=list)
    duplicated: set[Where] = field(default_factory=set)

    def note(self, where: Where, text: str, *, at_key: bool = False) -> None:
        """Add a problem."""
        self.problems.append(self.problem(where, text, at_key=at_key))

    def problem(self, where: Where, text: str, *, at_key: bool = False) -> Problem:
        """Return a problem, placed at the nearest thing that stands in the file."""
        mark = (self.key_marks if at_key else self.value_marks).get(where)
        while mark is None and where:
            where = where[:-1]
            mark = self.value_marks.get(where)
        return _problem(self.file, mark, text)

    def is_consequence(self, where: Where) -> bool:
        """Return whether a problem with the value at *where* follows from one that is noted already."""
        # The key that seems to be missing may stand in the duplicate.
        is_missing = where not in self.value_marks
        return where in self.unfilled or (
            is_missing and any(where[:length] in self.duplicated for length in range(len(where)))
        )


def read(path: Path, environ: Mapping[str, str], *, need_variables: bool = True) -> YamlSource:
    """Return the file's source.

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
    source = YamlSource(str(path))
    reader = _Reader(source, loader.construct_object, environ, need_variables)
    value = reader.value(node, ()) if node is not None else None
    source.value = {} if value in (None, _ABSENT) else value
    return source


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
        reason = _QUOTED.sub("", error.problem or "can't be read")
        raise SettingsError([_problem(file, error.problem_mark, f"not YAML: {reason}")]) from error
    except RecursionError as error:
        raise SettingsError([Problem(file, 1, 1, "nested too deep")]) from error


def _problem(file: str, mark: yaml.Mark | None, text: str) -> Problem:
    return Problem(file, mark.line + 1, mark.column + 1, text) if mark else Problem(file, 1, 1, text)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: YamlSource
    construct: Callable[[yaml.Node], Any]
    environ: Mapping[str, str]
    need_variables: bool
    visits: Iterator[int] = field(default_factory=lambda: count(1))

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.source.value_marks[where] = node.start_mark
        self._count(node)
        if len(where) > _MAX_DEPTH:
            self.source.note(where, "nested too deep")
            return _ABSENT
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, where)
        return self._scalar(node, where)

    def _count(self, node: yaml.Node) -> None:
        # Visits are counted, not places: values that are left out all have the place of the next one.
        if next(self.visits) > _MAX_VALUES:
            text = "too many values; does an alias contain itself?"
            raise SettingsError([_problem(self.source.file, node.start_mark, text)])

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, (key_node, value_node) in self._merged(node, where, 0).items():
            here = (*where, key)
            self.source.key_marks[here] = key_node.start_mark
            value = self.value(value_node, here)
            if value is _ABSENT:
                self.source.left_out.append(here)
            else:
                values[key] = value
        return values

    def _merged(self, node: yaml.MappingNode, where: Where, depth: int) -> dict[str, _Pair]:
        """Return a mapping's own keys, and those of the mappings that ``<<`` merges into it, where it has none."""
        pairs: dict[str, _Pair] = {}
        inherited: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if depth:
                self._count(key_node)
            if key_node.tag == _MERGE:
                inherited += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            elif self._is_good(key_node, where, pairs, note=depth == 0):
                pairs[key_node.value] = key_node, value_node
        for each in inherited:
            if not isinstance(each, yaml.MappingNode) or depth == _MAX_DEPTH:
                text = "nested too deep" if depth else "<< merges a mapping, such as *name, or a list of them"
                self.source.problems.append(_problem(self.source.file, each.start_mark, text))
            else:
                pairs = self._merged(each, where, depth + 1) | pairs
        return pairs

    def _is_good(self, key_node: yaml.Node, where: Where, pairs: Mapping[str, _Pair], *, note: bool) -> bool:
        """Return whether a key can be used; with *note* a problem is noted if it can't."""
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            text = "a key must be a single word"
        elif key in pairs:
            text = f'duplicate key "{key}" (first on line {pairs[key][0].start_mark.line + 1})'
            self.source.duplicated.add((*where, key))
        else:
            return True
        if note:
            self.source.problems.append(_problem(self.source.file, key_node.start_mark, text))
        return False

    def _sequence(self, node: yaml.SequenceNode, where: Where) -> Any:
        values: list[Any] = []
        for child in node.value:
            value = self.value(child, (*where, len(values)))
            if value is not _ABSENT:
                values.append(value)
        if node.value and not values and not self.need_variables:
            return _ABSENT
        return values

    def _scalar(self, node: yaml.Node, where: Where) -> Any:
        try:
            value = self.construct(node)
        except (ValueError, LookupError, AttributeError, yaml.YAMLError):
            # PyYAML trusts a tag such as !!bool; a value that does not fit it is judged as the string it is.
            value = node.value
        if isinstance(value, str) and VARIABLE.search(value):
            return self._filled_in(value, where)
        return value

    def _filled_in(self, text: str, where: Where) -> Any:
        values = {reference: self._variable(reference, where) for reference in VARIABLE.findall(text)}
        if None in values.values() and (VARIABLE.fullmatch(text) or not self.need_variables):
            return _ABSENT
        return FromEnvironment(VARIABLE.sub(lambda match: values[match[1]] or "", text), text)

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
        self.source.note(where, text)
        self.source.unfilled.add(where)
        return "?"

    def _looked_up(self, name: str) -> str | None:
        value, file = self.environ.get(name), self.environ.get(f"{name}_FILE")
        if value or not file:
            return value or None
        return Path(file).read_text(encoding="utf-8").strip() or None
