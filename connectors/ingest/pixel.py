"""The picture that answers a tracker which asks for one: a transparent pixel that nobody may keep."""

import base64
from typing import Final

from starlette.responses import Response

_GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_FRESH: Final = {"Cache-Control": "no-store, no-cache, must-revalidate, private", "Expires": "0"}


def pixel() -> Response:
    """A GIF of 1×1; kept by a cache, the next one would not be asked for and not be counted."""
    return Response(_GIF, media_type="image/gif", headers=_FRESH)
