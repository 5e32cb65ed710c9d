"""Checks of single values of a configuration file that take down each problem with its line."""

import difflib
import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from scorer.durations import parse_duration
from scorer.errors import Problem
from scorer.yaml_file import Path, YamlFile, show

_LARGEST: Final = 1e15
"""Of a number, and of 1 over it: amounts are up to 1e100 and still to be added and multiplied by it."""


class Checked:
    """A YAML file being checked: each method gives a usable value and reports what was wrong with it."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self.data = file.data
        self.problems = file.problems

    def report(self, path: Path, message: str) -> None:
        """Takes down what is wrong at a path."""
        self.problems.append(Problem(self._file.name, self._file.line(path), show(path), message))

    def mapping(self, value: Any, path: Path, fields: Mapping[str, bool], expected: str) -> dict[str, Any]:
        """A mapping with these fields only; True marks those that must be there."""
        if not isinstance(value, dict):
            if not (path == () and self.problems):
                self.report(path, f"expected {expected}")
            return {}
        for name in value:
            if name not in fields:
                self.report((*path, name), f"no such field: {self.choice(name, fields)}")
            elif value[name] is None:
                self.report((*path, name), "empty: expected a value, or leave the field out")
        for name, required in fields.items():
            if required and name not in value:
                self.report((*path, name), "missing")
        return {name: inner for name, inner in value.items() if name in fields and inner is not None}

    def choice(self, wrong: object, right: Collection[str]) -> str:
        """What would be right: the nearest name, or all of them."""
        near = difflib.get_close_matches(str(wrong), right, 1)
        return (
            f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(right)) or '(none)'}"
        )

    def text(self, value: Any, path: Path, example: str) -> str:
        """A text that is not blank."""
        if not isinstance(value, str) or not value.strip():
            self.report(path, f"expected a text, such as {example}")
            return ""
        return value

    def name(self, value: Any, path: Path, example: str) -> str:
        """A text without blanks or control characters, that can be a key elsewhere."""
        found = self.text(value, path, example)
        if found and (len(found) > 200 or any(sign.isspace() or not sign.isprintable() for sign in found)):
            self.report(path, f"{found[:60]!r} is no name: expected one word, such as {example}")
        return found

    def number(
        self, value: Any, path: Path, example: str, least: float = -math.inf, above: float = -math.inf
    ) -> float:
        """A number of a size that sums stay finite with, not below `least`, and above `above`."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
            self.report(path, f"expected a number, such as {example}")
            return 0.0
        if value and not 1 / _LARGEST <= abs(value) <= _LARGEST:
            said = f"expected 0, or a size from {1 / _LARGEST:g} to {_LARGEST:g}"
            self.report(path, f"{value:g} is out of range: {said}, such as {example}")
            return 0.0
        if value < least:
            self.report(path, f"{value:g} is too small: expected {least:g} or more, such as {example}")
        elif value <= above:
            self.report(path, f"{value:g} is too small: expected more than {above:g}, such as {example}")
        return _float(value)

    def duration(self, value: Any, path: Path) -> float:
        """Seconds of a duration that is more than nothing."""
        if not isinstance(value, str):
            self.report(path, "expected a duration with its unit (s, m, h, d, w), such as 7d")
            return 1.0
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.report(path, str(error))
            return 1.0
        if seconds * 1_000_000 < 1:
            self.report(path, "expected more than nothing, such as 7d")
            return 1.0
        return seconds

    def half_life(self, value: Any, path: Path) -> float:
        """Seconds of a half-life; infinite for `never` and where it is absent."""
        return math.inf if value is None or value == "never" else self.duration(value, path)

    def unique(self, names: list[str], field: str) -> None:
        """Reports names that an earlier item of the list has."""
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            if name and name in first:
                line = self._file.line((field, first[name], "id"))
                self.report((field, index, "id"), f"{name} is taken on line {line}: expected another id")
            first.setdefault(name, index)


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
