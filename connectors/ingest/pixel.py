"""The answer to trackers that ask for an image: one transparent pixel, which nobody keeps."""

from typing import Final

from starlette.responses import Response

_GIF: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


def pixel() -> Response:
    """A GIF of one transparent pixel."""
    return Response(_GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})
