"""Serves LeadHeat's own browser script, as it stands in `script/leadheat.js`."""

import gzip
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH: Final = "/leadheat.js"
SOURCE: Final = Path(__file__).parent / "script" / "leadheat.js"
_SHARED: Final = {
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    "Vary": "Accept-Encoding",
    "Access-Control-Allow-Origin": "*",  # so that a page may name the file's digest (`integrity`)
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[Route]:
    """`GET /leadheat.js`."""
    plain = SOURCE.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0)

    async def script(request: Request) -> Response:
        pack = "gzip" in request.headers.get("accept-encoding", "").lower()
        body = packed if pack else plain
        headers = {**_SHARED, "ETag": _etag(body)}
        if _knows(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if pack:
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers, media_type="text/javascript")

    return [Route(PATH, script, methods=["GET"])]


def _etag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:32]}"'


def _knows(if_none_match: str, etag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in known or "*" in known
