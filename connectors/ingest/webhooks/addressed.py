"""Under which addresses a provider may have called, where it signs that: as set, else as seen here."""

import base64
import binascii
from collections.abc import Sequence

from connectors.ingest.webhooks.provider import Delivery


def addresses(delivery: Delivery) -> Sequence[str]:
    """The address that is set, else all that the request could have been sent to.

    A proxy hides whether it was https, and a name and password may have stood before the host.
    """
    if delivery.settings.url is not None:
        return [delivery.settings.url]
    host = delivery.head.headers.get("host", "")
    credentials = _credentials(delivery.head.headers.get("authorization", ""))
    before = ["", f"{credentials}@"] if credentials else [""]
    return [f"{scheme}://{name}{host}{delivery.target}" for scheme in ("https", "http") for name in before]


def _credentials(authorization: str) -> str:
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(told.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
