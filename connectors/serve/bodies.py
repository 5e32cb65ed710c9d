"""Reads the small JSON bodies that the read API takes."""

from typing import Any

import msgspec
from starlette.requests import Request

from connectors.serve.errors import Refusal


async def json_of(request: Request, most_bytes: int) -> Any:
    """What a request's body says; Refusal 413 where it is too long, 400 where it is no JSON."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise Refusal(413, f"the body is larger than {most_bytes} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"the body is no JSON: {error}") from error
