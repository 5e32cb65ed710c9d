"""The picture that nobody sees: an answer for an `<img>` that is there to be asked for."""

import base64
from typing import Final

from starlette.responses import Response

PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""


def pixel() -> Response:
    """The GIF, not to be kept by anybody."""
    return Response(PIXEL, media_type="image/gif", headers={"Cache-Control": "no-store"})
