"""Where a page ended, as text that a client hands back to get the next one."""

import base64
import binascii
from typing import Any

import msgspec
from starlette.requests import Request

from connectors.serve.errors import Refusal


def dump(kind: str, *values: Any) -> str:
    """A cursor of a kind of list; floats keep every bit."""
    return base64.urlsafe_b64encode(msgspec.json.encode([kind, *values])).decode().rstrip("=")


def after(request: Request, kind: str, types: tuple[type, ...]) -> list[Any] | None:
    """The values of the request's `after`; None without one; Refusal 400 where it is of no such list."""
    text = request.query_params.get("after")
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        found = msgspec.json.decode(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or len(found) != len(types) + 1
        or found[0] != kind
        or not all(isinstance(value, wanted) for value, wanted in zip(found[1:], types, strict=True))
    ):
        raise Refusal(
            400, "after: expected the `next` of the page before, of the same list in the same order"
        )
    return found[1:]
