"""Reads JSON that the fast decoder refuses as a whole, although all but a value of it can be read.

Browsers send half of a character where a text was cut in the middle of one (`"\\ud83d"`), Python's encoder
sends NaN, somebody nests a thousand lists. One such value would cost the whole batch, which clients don't
send again after a 400.
"""

import json
import math
import re
from typing import Any, Final

from scorer.errors import EventError

_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*'
_STRUCTURE: Final = re.compile(_STRING + rb'(?:"|\\?\Z)|[\[{]+|[\]}]+|,', re.DOTALL)
"""A string that is never closed is to the end: to fail on it from every quote takes a square of time."""
_MOST_TOKENS: Final = 100_000
"""Of a body that is taken apart: some 50 ms, in which the gateway does nothing else."""
_UNFIT: Final = "no valid JSON: brackets that do not fit together"
_NAME: Final = re.compile(rb"(" + _STRING + rb'")\s*:\s*', re.DOTALL)


def mended(text: bytes) -> bytes:
    """The same JSON with `?` for halves of characters and null for what is no finite number.

    Raises EventError where it is no JSON even so.

    >>> mended(b'{"title": "Tarifs \\\\ud83d", "value": NaN, "total": 1e400}')
    b'{"title": "Tarifs ?", "value": null, "total": null}'
    """
    return _dumped(_loaded(text, parse_float=_finite, parse_constant=lambda _: None), "replace")


def items(text: bytes) -> list[bytes]:
    """The items of a list, each with whatever is wrong in it; raises EventError where there is no telling."""
    found = _loaded(text)
    if not isinstance(found, list):
        raise EventError("expected a list")
    return [_dumped(one, "surrogatepass") for one in found]


def members(text: bytes) -> list[bytes]:
    """The members of a list or an object in which something is nested too deeply for any decoder.

    Raises EventError where its brackets don't fit together. What the members are is not looked at.

    >>> members(b'[{"a": "]"}, [[1, 2]]]')
    [b'{"a": "]"}', b'[[1, 2]]']
    """
    depth, start, found = 0, 1, []
    for count, token in enumerate(_STRUCTURE.finditer(text)):
        if count == _MOST_TOKENS:
            raise EventError("nested too deeply to be events")
        if token[0].startswith((b"[", b"{")):
            depth += len(token[0])
        elif token[0].startswith((b"]", b"}")):
            depth -= len(token[0])
            if depth < 0 or (depth == 0 and token.end() < len(text)):
                raise EventError(_UNFIT)
        elif token[0] == b"," and depth == 1:
            found.append(text[start : token.start()].strip())
            start = token.end()
    if depth != 0 or not text.startswith((b"[", b"{")):
        raise EventError(_UNFIT)
    return [*found, text[start:-1].strip()]


def fields(text: bytes) -> dict[str, bytes]:
    """The members of such an object, by name."""
    found = {}
    for member in members(text):
        if not (name := _NAME.match(member)):
            raise EventError("no valid JSON: expected a name")
        found[str(_loaded(name[1]))] = member[name.end() :]
    return found


def _loaded(text: bytes, **how: Any) -> Any:
    try:
        return json.loads(text.decode(), **how)
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except ValueError as error:
        raise EventError(f"no valid JSON: {error}"[:200]) from None


def _dumped(value: Any, errors: str) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors=errors)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
