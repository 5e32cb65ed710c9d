"""Mailtrap's webhooks, signed with HMAC over the body where its signing secret is set here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.ingest.native import split
from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, SignedProvider
from connectors.ingest.webhooks.reading import custom, moment, text, texts
from connectors.ingest.webhooks.signing import Proof, require_hex_hmac

_TYPES: Final[Mapping[str, str | None]] = {
    "reject": None,
    "suspension": None,
    "soft_bounce": None,  # it will try again
    "delivery": DELIVERED,
    "bounce": BOUNCE,
    "open": OPEN,
    "click": CLICK,
    "spam": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
}
_batch: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Mailtrap(SignedProvider):
    """Mailtrap."""

    name = "mailtrap"
    types = _TYPES

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """HMAC-SHA-256 of the body."""
        require_hex_hmac(
            delivery.head.headers.get("mailtrap-signature"), delivery.raw, delivery.settings.secrets
        )
        return None

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The list in `events`, or one event a line."""
        try:
            inside = _batch.decode(delivery.body).get("events")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            inside = None
        return split(delivery.body if inside is None else bytes(inside))

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind = text(told, "event") or ""
        yield Mail(
            kind=kind,
            recipient=text(told, "email"),
            at=moment(told.get("timestamp")),
            id=text(told, "event_id"),
            message_id=text(told, "message_id"),
            tags=texts(told.get("category")),
            link=text(told, "url"),
            bounce="hard" if kind == "bounce" else None,
            reason=text(told, "response", "reason") if kind == "bounce" else None,
            ip=text(told, "ip"),
            user_agent=text(told, "user_agent"),
            custom=custom(told.get("custom_variables")),
        )
