"""MailerSend's webhooks, signed with HMAC over the body."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, SignedProvider
from connectors.ingest.webhooks.reading import moment, part, text, texts
from connectors.ingest.webhooks.signing import Proof, require_hex_hmac

_TYPES: Final[Mapping[str, str | None]] = {
    "sent": None,
    "deferred": None,
    "opened_unique": None,  # beside `opened` and `clicked`, of which they are parts
    "clicked_unique": None,
    "delivered": DELIVERED,
    "hard_bounced": BOUNCE,
    "soft_bounced": BOUNCE,
    "opened": OPEN,
    "clicked": CLICK,
    "spam_complaint": COMPLAINT,
    "unsubscribed": UNSUBSCRIBE,
}
_ACTIVITY: Final = "activity."


class MailerSend(SignedProvider):
    """MailerSend."""

    name = "mailersend"
    types = _TYPES

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """HMAC-SHA-256 of the body."""
        require_hex_hmac(delivery.head.headers.get("signature"), delivery.raw, delivery.settings.secrets)
        return None

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person; none of what happens to the account (inbound, maintenance, identities)."""
        del delivery
        named = text(told, "type") or ""
        if not named.startswith(_ACTIVITY):
            return
        data = part(told, "data")
        kind, email, morph = named.removeprefix(_ACTIVITY), part(data, "email"), part(data, "morph")
        bounced = kind in ("hard_bounced", "soft_bounced")
        yield Mail(
            kind=kind,
            recipient=text(part(email, "recipient"), "email"),
            at=moment(text(data, "created_at") or text(told, "created_at")),
            id=text(data, "id"),
            message_id=text(part(email, "message"), "id"),
            subject=text(email, "subject"),
            tags=texts(email.get("tags")),
            link=text(morph, "url"),
            bounce=("hard" if kind == "hard_bounced" else "soft") if bounced else None,
            reason=text(morph, "readable_reason", "reason") if bounced else None,
            ip=text(morph, "ip"),
            user_agent=text(morph, "user_agent"),
        )
