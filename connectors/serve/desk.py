"""What every answer of the read API is made from: the cache, the grid in force, the clock."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from connectors.serve.cache import Cache
from connectors.serve.config import ServeConfig
from connectors.serve.errors import Refusal
from connectors.serve.scoring import Scoring
from scorer.times import Micros

Handler = Callable[[Request], Awaitable[Response]]
MOST: Final = 500
"""Items of a page, at most."""


@dataclass
class Desk:
    """Shared by the handlers of one app; `scoring` changes when the grid does."""

    config: ServeConfig
    cache: Cache
    scoring: Scoring
    on_removed: list[Callable[[str], object]] = field(default_factory=list)
    """Told of each lead that is gone, by whoever keeps something of it in memory."""

    def now(self) -> Micros:
        """The moment that answers are given for."""
        return self.config.clock()

    def wall(self) -> Micros:
        """The machine's own clock, which a demo's runs ahead to meet."""
        return Micros(time.time_ns() // 1_000)

    def steady(self, handler: Handler) -> Handler:
        """The handler, answering 503 while the cache is being rebuilt, or was while it read."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            async with self.cache.steady(self.scoring.digest):
                return await handler(request)

        return guarded


class _Identity(Convertor[str]):
    """Any text in a path, line ends and slashes too: whatever trackers call somebody."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """The text itself."""
        return value

    def to_string(self, value: str) -> str:
        """The text itself."""
        return value


register_url_convertor("identity", _Identity())


class Json(Response):
    """An answer in JSON; numbers that JSON lacks are null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encodes the answer."""
        return msgspec.json.encode(content)


def limit_of(request: Request, default: int = 50) -> int:
    """The `limit` of a request; Refusal 400 where it is none."""
    return number_of(request, "limit", default, 1, MOST)


def number_of(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query; Refusal 400 where it is none."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:12]) <= most:
        raise Refusal(400, f"{name}: {text[:40]!r} is wrong: expected a whole number from {least} to {most}")
    return int(text)


def choice_of(request: Request, name: str, known: tuple[str, ...], default: str) -> str:
    """One of some words of the query; Refusal 400 for another."""
    text = request.query_params.get(name) or default
    if text not in known and text != default:
        raise Refusal(400, f"{name}: {text[:40]!r} is wrong: expected one of {', '.join(known)}")
    return text
