"""Standard Webhooks: its signature (Svix's too), and events as the contract writes them, from anybody."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from standardwebhooks import Webhook

from connectors.ingest.native import split
from connectors.ingest.webhooks.mail import derived_id
from connectors.ingest.webhooks.provider import Delivery, SignedProvider, Told
from connectors.ingest.webhooks.reading import decoded
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof, fresh, one_of, unproven
from scorer.times import SECOND

_PREFIXES: Final = ("webhook-", "svix-")
_FRACTION: Final = re.compile(r"\.[0-9]{1,20}\Z")
_MOST_SIGNATURES: Final = 20


def require_standard(delivery: Delivery, max_age_s: int) -> Proof:
    """Checks the signature of Standard Webhooks; raises RefusedError 401 where none of its list holds."""
    headers = delivery.head.headers
    prefix = next((one for one in _PREFIXES if f"{one}id" in headers), _PREFIXES[0])
    message_id, stamp = headers.get(f"{prefix}id", ""), headers.get(f"{prefix}timestamp", "")
    stamp = _FRACTION.sub("", stamp)  # which libraries pass over, and don't sign
    signed = fresh(stamp, SECOND, delivery.head.received, delivery.max_age_us(max_age_s))
    try:
        body = delivery.raw.decode()
    except UnicodeDecodeError:
        raise unproven("the body is no text, which a signature would be over") from None
    at = datetime.fromtimestamp(signed // SECOND, UTC)
    right = [_signer(secret).sign(message_id, at, body).encode() for secret in delivery.settings.secrets]
    given = headers.get(f"{prefix}signature", "").split()[:_MOST_SIGNATURES]
    if not message_id or not any([one_of(one.encode(), right) for one in given]):  # noqa: C419 (constant time)
        raise unproven("the signature is missing or wrong")
    return Proof(message_id, signed)


def require_secrets(settings: ProviderSettings) -> None:
    """Raises ValueError unless the secrets are base64, `whsec_` before it or not."""
    for secret in settings.secrets:
        _signer(secret)


@lru_cache(maxsize=64)
def _signer(secret: str) -> Webhook:
    text = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("secret: expected whsec_ and the base64 of a key")
    return Webhook(key)


class Standard(SignedProvider):
    """Any sender that signs by Standard Webhooks: an event of ours, a list of them, or one a line."""

    name = "standard"

    def check(self, settings: ProviderSettings) -> None:
        """A secret of Standard Webhooks."""
        require_secrets(settings)

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """The signature of Standard Webhooks."""
        return require_standard(delivery, self.max_age_s)

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The events."""
        return split(delivery.body)

    def events(self, item: bytes, told: Told) -> Iterator[dict[str, Any]]:
        """The event as it is; one without an id gets that of its message, so that it counts once."""
        event = dict(decoded(item))
        if event.get("id") is None and told.proof is not None:
            event["id"] = derived_id(self.name, told.proof.once, item)
        yield event
