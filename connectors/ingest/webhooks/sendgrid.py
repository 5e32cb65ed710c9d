"""SendGrid's event webhook, signed with ECDSA over its timestamp and the body."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, SignedProvider
from connectors.ingest.webhooks.reading import moment, text, texts
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof, fresh, unproven
from scorer.times import SECOND

_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
_OURS: Final = frozenset(
    [
        "email",
        "event",
        "timestamp",
        "smtp-id",
        "sg_event_id",
        "sg_message_id",
        "sg_template_id",
        "sg_template_name",
        "sg_machine_open",
        "sg_content_type",
        "sg_user_id",
        "category",
        "asm_group_id",
        "ip",
        "useragent",
        "url",
        "url_offset",
        "reason",
        "status",
        "response",
        "attempt",
        "type",
        "bounce_classification",
        "tls",
        "cert_err",
        "pool",
        "send_at",
        "newsletter",
        "marketing_campaign_id",
        "marketing_campaign_name",
        "marketing_campaign_version",
        "marketing_campaign_split_id",
        "singlesend_id",
        "singlesend_name",
        "template_id",
        "template_hash",
        "template_version_id",
    ]
)
"""Fields of SendGrid's own; all others are the sender's custom arguments."""

_AROUND: Final = re.compile(r"-----[A-Z ]+-----|\s")
"""What a PEM file has around the key that SendGrid shows."""
_TYPES: Final[Mapping[str, str | None]] = {
    "processed": None,
    "deferred": None,
    "dropped": None,
    "account_status_change": None,
    "delivered": DELIVERED,
    "bounce": BOUNCE,
    "blocked": BOUNCE,
    "open": OPEN,
    "click": CLICK,
    "spamreport": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
    "group_unsubscribe": UNSUBSCRIBE,
}


class SendGrid(SignedProvider):
    """SendGrid."""

    name = "sendgrid"
    types = _TYPES

    def check(self, settings: ProviderSettings) -> None:
        """The verification key that SendGrid shows, a P-256 public key."""
        for secret in settings.secrets:
            _key(secret)

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """ECDSA P-256 with SHA-256 over timestamp and body."""
        headers = delivery.head.headers
        stamp = headers.get(_TIMESTAMP)
        max_age_us = delivery.max_age_us(self.max_age_s)
        signed = fresh(stamp, SECOND, delivery.head.received, max_age_us)
        try:
            signature = base64.b64decode(headers.get(_SIGNATURE, ""), validate=True)
        except (binascii.Error, ValueError):
            signature = b""
        message = (stamp or "").encode() + delivery.raw
        if not any(_holds(secret, signature, message) for secret in delivery.settings.secrets):
            raise unproven("the signature is missing or wrong")
        # not the signature: an ECDSA signature can be turned into another that holds as well
        return Proof(sha256(message).hexdigest(), signed)

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person."""
        del delivery
        kind = text(told, "event") or ""
        bounced = kind in ("bounce", "blocked")
        soft = kind == "blocked" or told.get("type") == "blocked"
        yield Mail(
            kind=kind,
            recipient=text(told, "email"),
            at=moment(told.get("timestamp")),
            id=text(told, "sg_event_id"),
            message_id=text(told, "sg_message_id", "smtp-id"),
            campaign=text(told, "marketing_campaign_name", "singlesend_name"),
            tags=texts(told.get("category")),
            template=text(told, "sg_template_name", "sg_template_id", "template_id"),
            link=text(told, "url"),
            bounce=("soft" if soft else "hard") if bounced else None,
            reason=text(told, "reason", "response") if bounced else None,
            ip=text(told, "ip"),
            user_agent=text(told, "useragent"),
            machine=told.get("sg_machine_open") is True,
            custom={name: value for name, value in told.items() if name not in _OURS},
        )


@lru_cache(maxsize=16)
def _key(text: str) -> EllipticCurvePublicKey:
    try:
        found = load_der_public_key(base64.b64decode(_AROUND.sub("", text), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("secret: expected SendGrid's verification key, such as MFkwEwYHKoZI…") from None
    if not isinstance(found, EllipticCurvePublicKey) or not isinstance(found.curve, SECP256R1):
        raise ValueError("secret: expected a P-256 public key, which SendGrid's verification key is")
    return found


def _holds(secret: str, signature: bytes, message: bytes) -> bool:
    try:
        _key(secret).verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
