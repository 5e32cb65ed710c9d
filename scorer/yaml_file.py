"""A YAML 1.2 file read with the line of every value, for errors that say where."""

import re
from typing import Any, Final

import yaml

from scorer.errors import Problem

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

MAX_CHARACTERS: Final = 1_000_000
_MAX_NODES: Final = 200_000
_DEEPEST: Final = 100
"""Levels: more than anybody writes, few enough for what reads and asks conditions level by level."""

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

_CORE_TAG: Final = "tag:yaml.org,2002:"
_UNTAGGED: Final = "plain"
"""Instead of a tag: the schema says what a plain text without one is."""
_TAGGED: Final[dict[str, type]] = {"int": int, "float": float, "bool": bool, "null": type(None)}


class _Loader(yaml.SafeLoader):
    """PyYAML's, but for what is otherwise in YAML 1.2: tabs between words, and plain texts."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag of a node that has none."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _UNTAGGED
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def scan_to_next_token(self) -> None:
        """Goes on to the next word; tabs are in the way only where they would indent it."""
        super().scan_to_next_token()
        while self.peek() == "\t":
            size = 1
            while self.peek(size) in (" ", "\t"):
                size += 1
            indents = self.allow_simple_key and not self.flow_level
            if indents and self.peek(size) not in "#\0\r\n":
                return
            self.forward(size)
            super().scan_to_next_token()


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
            node = yaml.compose(text, Loader=_Loader)
            return None if node is None else self._value(node, (), ())
        except yaml.MarkedYAMLError as error:
            mark = _culprit(error, len(text))
            said = " ".join(filter(None, (error.context, error.problem)))
            if "'\\t'" in said:
                said = "a tab where the line begins: expected spaces"
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
        if len(above) >= _DEEPEST:
            self._problem(line, path, f"nested too deeply: expected at most {_DEEPEST} levels")
            return None
        above = (*above, id(node))
        tag = node.tag.removeprefix(_CORE_TAG)
        if isinstance(node, yaml.MappingNode) and tag == "map":
            return self._mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode) and tag == "seq":
            return [self._value(item, (*path, index), above) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node.value, tag, path)
        self._problem(line, path, f"the tag {tag} means nothing here: leave it out")
        return None

    def _scalar(self, text: str, tag: str, path: Path) -> Any:
        if tag == "str":
            return text
        found = _plain(text)
        if tag == "float" and type(found) is int:
            return float(found)
        if tag != _UNTAGGED and not (tag in _TAGGED and type(found) is _TAGGED[tag]):
            self._problem(self.line(path), path, f"the tag {tag} means nothing here: leave it out")
        return found

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


def _plain(text: str) -> Any:
    for form, read in _CORE:
        if form.match(text):
            return read(text)
    return text


def _culprit(error: yaml.MarkedYAMLError, size: int) -> Any:
    """Where an error began: what is never closed is seen only at the end of the file."""
    seen = error.problem_mark
    if seen is None or error.context == "while scanning a simple key" or seen.index >= size:
        return error.context_mark or seen
    return seen


def show(path: Path) -> str:
    """A path as people read it.

    >>> show(("criteria", 3, "where", "url.path")), show(())
    ('criteria[3].where.url.path', 'file')
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"
