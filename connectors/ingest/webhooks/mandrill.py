"""Mandrill's webhooks (Mailchimp Transactional): a form, signed together with the address it is sent to."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.ingest.errors import RefusedError
from connectors.ingest.native import split
from connectors.ingest.webhooks.addressed import addresses
from connectors.ingest.webhooks.forms import form_fields
from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, SignedProvider
from connectors.ingest.webhooks.reading import custom, moment, part, text, texts
from connectors.ingest.webhooks.signing import Proof, one_of, unproven

_FIELD: Final = "mandrill_events"
_TYPES: Final[Mapping[str, str | None]] = {
    "send": None,
    "deferral": None,
    "reject": None,
    "inbound": None,
    "whitelist": None,
    "blacklist": None,
    "delivered": DELIVERED,
    "hard_bounce": BOUNCE,
    "soft_bounce": BOUNCE,
    "open": OPEN,
    "click": CLICK,
    "spam": COMPLAINT,
    "unsub": UNSUBSCRIBE,
}


class Mandrill(SignedProvider):
    """Mandrill. It asks by HEAD, unsigned, before it tells its key."""

    name = "mandrill"
    types = _TYPES

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """HMAC-SHA-1 of the address and the form's fields, sorted by name."""
        fields = "".join(name + value for name, value in sorted(form_fields(delivery.body)))
        right = [
            base64.b64encode(hmac.new(secret.encode(), f"{url}{fields}".encode(), hashlib.sha1).digest())
            for secret in delivery.settings.secrets
            for url in addresses(delivery)
        ]
        given = delivery.head.headers.get("x-mandrill-signature", "")
        if not one_of(given.encode(), right):
            raise unproven("the signature is missing or wrong: is `url` the address that Mandrill calls?")
        return None

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The list in the form's only field."""
        for name, value in form_fields(delivery.body):
            if name == _FIELD:
                return split(value.encode())
        raise RefusedError(400, f"{_FIELD}: missing")

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind = text(told, "event", "type") or ""
        msg = part(told, "msg")
        bounced = kind in ("hard_bounce", "soft_bounce")
        yield Mail(
            kind=kind,
            recipient=text(msg, "email"),
            at=moment(told.get("ts")),
            message_id=text(told, "_id") or text(msg, "_id"),
            subject=text(msg, "subject"),
            tags=texts(msg.get("tags")),
            template=text(msg, "template"),
            link=text(told, "url"),
            bounce=("hard" if kind == "hard_bounce" else "soft") if bounced else None,
            reason=text(msg, "diag", "bounce_description") if bounced else None,
            ip=text(told, "ip"),
            user_agent=text(told, "user_agent"),
            custom=custom(msg.get("metadata")),
        )
