"""Conditions: what `where` asks of an event and `lead` of a person, parsed from the grid."""

import math
import operator
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import re2

from scorer.words import has_phrase, tokens
from scorer.yaml_file import Path

Source = TypeVar("Source")
Report = Callable[[Path, str], None]
"""Takes down what is wrong at a path of the grid."""

Test = Callable[[object], bool]
Condition = Callable[[Source], bool]

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
TESTS: Final = (*_COMPARE, "words", "glob", "matches", "exists", "not")
GROUPS: Final = ("any", "all", "none")
_MAX_PATTERN: Final = 1_000


class Conditions(Generic[Source]):
    """Parses conditions over one kind of source, given how a field of it is read."""

    def __init__(self, field: Callable[[str], Callable[[Source], object]], report: Report) -> None:
        self._field = field
        self._report = report

    def parse(self, spec: object, path: Path) -> Condition[Source]:
        """The condition that all of a mapping's fields, tests and groups hold; reports what is wrong."""
        if not isinstance(spec, dict) or not spec:
            self._report(path, "expected conditions, such as {url.path: /tarifs}")
            return lambda source: False
        parts = [
            self._group(key, inner, (*path, key)) if key in GROUPS else self._one(key, inner, (*path, key))
            for key, inner in spec.items()
        ]
        if len(parts) == 1:
            return parts[0]
        return lambda source: all(part(source) for part in parts)

    def _one(self, name: str, spec: object, path: Path) -> Condition[Source]:
        if not name or name.startswith(".") or name.endswith((".", "..")):
            self._report(path, f"{name!r} is no name of a field")
        read = self._field(name)
        test = parse_test(spec, path, self._report)
        return lambda source: test(read(source))

    def _group(self, mode: str, spec: object, path: Path) -> Condition[Source]:
        if not isinstance(spec, list) or not spec:
            self._report(path, f"expected a list of conditions, such as {mode}: [{{url.path: /tarifs}}]")
            return lambda source: False
        inner = [self.parse(item, (*path, index)) for index, item in enumerate(spec)]
        if mode == "all":
            return lambda source: all(part(source) for part in inner)
        if mode == "any":
            return lambda source: any(part(source) for part in inner)
        return lambda source: not any(part(source) for part in inner)


def parse_test(spec: object, path: Path, report: Report) -> Test:
    """What one field must be: a value, a list of values, or a mapping of tests that must all hold."""
    if isinstance(spec, dict):
        if not spec:
            report(path, f"expected a value or a test ({', '.join(TESTS)})")
        tests = [_named(name, inner, (*path, name), report) for name, inner in spec.items()]
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)
    choices = spec if isinstance(spec, list) else [spec]
    if not choices:
        report(path, "an empty list never holds: expected one value at least")
    for index, choice in enumerate(choices):
        if not _scalar(choice):
            where = (*path, index) if isinstance(spec, list) else path
            report(where, "expected a text, a number or a boolean; for a missing field write {exists: false}")
    texts = frozenset(choice for choice in choices if isinstance(choice, str))
    others = tuple(choice for choice in choices if not isinstance(choice, str))
    return _each(lambda value: value in texts if isinstance(value, str) else _same(value, others))


def _scalar(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _same(value: object, others: tuple[object, ...]) -> bool:
    kind = isinstance(value, bool)
    return any(value == other and kind is isinstance(other, bool) for other in others)


def _each(test: Test) -> Test:
    """The test of a value, of any item where the value is a list; a missing value fails."""

    def holds(value: object) -> bool:
        if isinstance(value, list):
            return any(holds(item) for item in value)
        return value is not None and test(value)

    return holds


def _named(name: str, spec: object, path: Path, report: Report) -> Test:
    if name in _COMPARE:
        return _comparison(name, spec, path, report)
    if name == "words":
        return _words(spec, path, report)
    if name in ("glob", "matches"):
        return _pattern(name, spec, path, report)
    if name == "exists":
        if not isinstance(spec, bool):
            report(path, "expected true or false")
        return lambda value: (value is not None) is spec
    if name == "not":
        test = parse_test(spec, path, report)
        return lambda value: not test(value)
    report(path, f"no such test: expected one of {', '.join(TESTS)}")
    return lambda value: False


def _comparison(name: str, spec: object, path: Path, report: Report) -> Test:
    if isinstance(spec, str | bool) or not _scalar(spec):
        report(path, "expected a number, such as 100")
        return lambda value: False
    compare = _COMPARE[name]
    return _each(
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and compare(value, spec)
    )


def _words(spec: object, path: Path, report: Report) -> Test:
    if not isinstance(spec, list) or not spec:
        report(path, 'expected a list of words or phrases, such as [ceo, "directeur général"]')
        return lambda value: False
    phrases = []
    for index, item in enumerate(spec):
        phrase = tokens(item) if isinstance(item, str) else " "
        if phrase == " ":
            report(
                (*path, index),
                "expected a word or a phrase with letters, in quotes if it is a number",
            )
        phrases.append(phrase)
    wanted = tuple(phrases)
    return _each(lambda value: isinstance(value, str) and has_phrase(value, wanted))


def _pattern(name: str, spec: object, path: Path, report: Report) -> Test:
    example = "/tarifs*" if name == "glob" else "^/blog/[0-9]+"
    if not isinstance(spec, str) or not spec or len(spec) > _MAX_PATTERN:
        report(path, f"expected a text of 1 to {_MAX_PATTERN:,} characters, such as {example}")
        return lambda value: False
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(glob_to_re2(spec) if name == "glob" else spec, options=options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        report(path, f"no regular expression that RE2 knows: {said}; such as {example}")
        return lambda value: False
    find = pattern.fullmatch if name == "glob" else pattern.search
    return _each(lambda value: isinstance(value, str) and find(value) is not None)


def glob_to_re2(glob: str) -> str:
    """A glob as a regular expression for the whole string: `*` any run, `?` any one, `[abc]` one of these.

    >>> glob_to_re2("/tarifs*"), glob_to_re2("[!a-c]?.pdf"), glob_to_re2("a[b")
    ('(?s)\\\\/tarifs.*', '(?s)[^a-c].\\\\.pdf', '(?s)a\\\\[b')
    """
    out = ["(?s)"]
    at = 0
    while at < len(glob):
        sign = glob[at]
        end = glob.find("]", at + 3 if glob[at + 1 : at + 2] in ("!", "^") else at + 2) if sign == "[" else -1
        if end > 0:
            inner = glob[at + 1 : end]
            negated = inner[:1] in ("!", "^")
            inner = inner[1:] if negated else inner
            escaped = inner.replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]").replace("^", r"\^")
            out.append(f"[{'^' if negated else ''}{escaped}]")
            at = end
        else:
            out.append({"*": ".*", "?": "."}.get(sign) or re2.escape(sign))
        at += 1
    return "".join(out)
