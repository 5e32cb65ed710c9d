"""A YAML 1.2 file read with the line of every value, for errors that say where."""

import re
from typing import Any, Final

import yaml

from scorer.errors import Problem

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

MAX_CHARACTERS: Final = 1_000_000
_MAX_NODES: Final = 200_000

_CORE: Final = (
    (re.compile(r"(?:null|Null|NULL|~|)\Z"), lambda text: None),
    (re.compile(r"(?:true|True|TRUE)\Z"), lambda text: True),
    (re.compile(r"(?:false|False|FALSE)\Z"), lambda text: False),
    (re.compile(r"[-+]?[0-9]{1,300}\Z"), int),
    (re.compile(r"0o[0-7]{1,300}\Z"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,300}\Z"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)\Z"), lambda text: float("nan")),
)
"""YAML 1.2's core schema. PyYAML's own is 1.1, where `no` is false and `12:30` a number."""


class YamlFile:
    """A parsed file: its `data`, and where each value of it stands.

    >>> found = YamlFile("a:\\n  - yes\\n  - 2\\n", "x.yml")
    >>> found.data, found.line(("a", 1))
    ({'a': ['yes', 2]}, 3)
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self._lines: dict[Path, int] = {(): 1}
        self._nodes = 0
        self.data: Any = self._parse(text)

    def line(self, path: Path) -> int:
        """The line of a value, of the nearest around it where it is missing."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _problem(self, line: int, path: Path, message: str) -> None:
        self.problems.append(Problem(self.name, line, show(path), message))

    def _parse(self, text: str) -> Any:
        if len(text) > MAX_CHARACTERS:
            self._problem(1, (), f"larger than {MAX_CHARACTERS:,} characters: expected a smaller file")
            return None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            return None if node is None else self._value(node, (), ())
        except yaml.MarkedYAMLError as error:
            simple_key = error.context == "while scanning a simple key"
            mark = error.context_mark if simple_key else error.problem_mark or error.context_mark
            said = " ".join(filter(None, (error.context, error.problem)))
            self._problem(mark.line + 1 if mark else 1, (), f"no valid YAML: {said}")
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            self._problem(line, (), f"no valid YAML: the character #x{error.character:04x} is not allowed")
        except RecursionError:
            self._problem(1, (), "nested too deeply")
        return None

    def _value(self, node: yaml.Node, path: Path, above: tuple[int, ...]) -> Any:
        self._nodes += 1
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        if id(node) in above or self._nodes > _MAX_NODES:
            self._problem(line, path, "an alias that contains itself, or too many: write the value out")
            self._nodes = 0 if id(node) in above else self._nodes
            return None
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index), above) for index, item in enumerate(node.value)]
        return _scalar(node.value, plain=isinstance(node, yaml.ScalarNode) and node.style is None)

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(line, path, "a key that is a list or a mapping: expected a word")
                continue
            key = key_node.value
            if key in found:
                first = self._lines[(*path, key)]
                self._problem(line, (*path, key), f"given twice, first on line {first}: expected once")
                continue
            self._lines[(*path, key)] = line
            found[key] = self._value(value_node, (*path, key), above)
        return found


def _scalar(text: str, *, plain: bool) -> Any:
    for form, read in _CORE if plain else ():
        if form.match(text):
            return read(text)
    return text


def show(path: Path) -> str:
    """A path as people read it.

    >>> show(("criteria", 3, "where", "url.path")), show(())
    ('criteria[3].where.url.path', 'file')
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"
