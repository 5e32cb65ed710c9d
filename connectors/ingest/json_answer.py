"""Answers in JSON, by the encoder that events go through: several times as fast as the standard library's."""

from typing import Any

import msgspec
from starlette.responses import Response


class JsonAnswer(Response):
    """What is to be told, as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return msgspec.json.encode(content)
