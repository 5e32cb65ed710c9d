"""Reads JSON that the fast decoder refuses as a whole, although all but a value of it is well-formed.

Browsers send half of a character where a text was cut in the middle of one (`"\\ud83d"`), Python's encoder
sends NaN; one such value would cost the whole batch, which clients don't send again after a 400.
"""

import json
import math
from typing import Any

from scorer.errors import EventError


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
