"""Mailgun's webhooks: JSON, and the forms of its older ones.

The signature is over a timestamp and a random token, not over what is told: a token must not come twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from connectors.ingest.webhooks.forms import form_fields, is_json, one_or_form
from connectors.ingest.webhooks.mail import (
    BOUNCE,
    CLICK,
    COMPLAINT,
    DELIVERED,
    OPEN,
    UNSUBSCRIBE,
    Mail,
    mail_events,
    type_of,
)
from connectors.ingest.webhooks.provider import Delivery, SignedProvider, Told
from connectors.ingest.webhooks.reading import custom, decoded, inner, moment, part, text, texts
from connectors.ingest.webhooks.signing import Proof, fresh, hmac_sha256, one_of, unproven
from scorer.errors import EventError
from scorer.times import SECOND

_TYPES: Final[Mapping[str, str | None]] = {
    "accepted": None,
    "stored": None,
    "rejected": None,
    "dropped": None,
    "temporary_fail": None,
    "suppressed": None,
    "delivered": DELIVERED,
    "bounced": BOUNCE,
    "permanent_fail": BOUNCE,
    "opened": OPEN,
    "clicked": CLICK,
    "complained": COMPLAINT,
    "unsubscribed": UNSUBSCRIBE,
}
_NOT_SENT: Final = frozenset({"suppress-unsubscribe", "suppress-complaint"})
"""Reasons of a failure that is none of the address: Mailgun did not try."""
_LAST: Final = frozenset({"timestamp", "token", "signature"})
"""Where a sender's variable has the name of a field, the form has both: of these the last is Mailgun's."""
_OURS: Final = _LAST | frozenset(
    [
        "event",
        "recipient",
        "domain",
        "ip",
        "country",
        "region",
        "city",
        "user-agent",
        "device-type",
        "client-type",
        "client-name",
        "client-os",
        "campaign-id",
        "campaign-name",
        "tag",
        "X-Mailgun-Tag",
        "url",
        "message-headers",
        "Message-Id",
        "message-id",
        "code",
        "error",
        "reason",
        "description",
        "notification",
        "mailing-list",
        "attachment-count",
        "X-Mailgun-Sid",
        "body-plain",
        "h",
    ]
)
"""Fields of Mailgun's own in a form; all others are the sender's variables."""


class Mailgun(SignedProvider):
    """Mailgun."""

    name = "mailgun"
    max_age_s = 9 * 3600
    """It tries again for eight hours, with the signature of the first time."""
    types = _TYPES

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """HMAC-SHA-256 of timestamp and token."""
        for told in _signatures(delivery.body):
            stamp, token, signature = (text(told, name) or "" for name in ("timestamp", "token", "signature"))
            signed_text = f"{stamp}{token}".encode("utf-8", "replace")
            right = [hmac_sha256(secret, signed_text).hex() for secret in delivery.settings.secrets]
            if one_of(signature.encode("utf-8", "replace"), (one.encode() for one in right)):
                max_age_us = delivery.max_age_us(self.max_age_s)
                # the signature, not the token: digits may move between timestamp and token
                return Proof(signature, fresh(stamp, SECOND, delivery.head.received, max_age_us))
        raise unproven("the signature is missing or wrong")

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The body: one event."""
        return one_or_form(delivery.body)

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """The event of JSON."""
        del delivery
        data = part(told, "event-data")
        kind = text(data, "event") or ""
        reason = text(data, "reason")
        if kind == "failed":
            kind = "permanent_fail" if data.get("severity") == "permanent" else "temporary_fail"
            kind = "suppressed" if reason in _NOT_SENT else kind
        headers, client = part(data, "message", "headers"), part(data, "client-info")
        status = part(data, "delivery-status")
        campaigns = data.get("campaigns")
        first = campaigns[0] if isinstance(campaigns, list) and campaigns else None
        yield Mail(
            kind=kind,
            recipient=text(data, "recipient"),
            at=moment(data.get("timestamp")),
            id=text(data, "id"),
            message_id=text(headers, "message-id"),
            subject=text(headers, "subject"),
            campaign=text(first, "name", "id") if isinstance(first, dict) else None,
            tags=texts(data.get("tags")),
            template=text(part(data, "template"), "name"),
            link=text(data, "url"),
            bounce="hard" if kind == "permanent_fail" else None,
            reason=text(status, "message", "description") or reason if kind == "permanent_fail" else None,
            ip=text(data, "ip"),
            user_agent=text(client, "user-agent"),
            machine=bool(text(client, "bot")),
            custom=custom(data.get("user-variables")),
        )

    def events(self, item: bytes, told: Told) -> Iterator[dict[str, Any]]:
        """The event of JSON or of a form."""
        if is_json(told.delivery.body):
            yield from super().events(item, told)
            return
        mail = _mail_of(form_fields(item))
        of_type = type_of(mail.kind, self.types, told.mapping)
        if of_type is not None:
            yield from mail_events(mail, of_type, self.name, told.mapping, told.delivery.settings.lead_id)

    def again(self) -> Response:
        """Mailgun does not try again after a 406."""
        return JSONResponse({"error": "this token was used before"}, 406)


def _signatures(body: bytes) -> list[Mapping[str, Any]]:
    """Where a body has its signature; a subaccount's has its parent's too."""
    if not is_json(body):
        return [_first_or_last(form_fields(body))]
    try:
        told = decoded(body)
    except (EventError, RecursionError):
        return []
    return [part(told, "signature"), part(told, "parent-signature")]


def _first_or_last(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        if name in _LAST or name not in found:
            found[name] = value
    return found


def _mail_of(fields: Sequence[tuple[str, str]]) -> Mail:
    told = _first_or_last(fields)
    headers = inner(told.get("message-headers"))
    pairs = headers if isinstance(headers, list) else []
    subjects = [one[1] for one in pairs if isinstance(one, list) and len(one) == 2 and one[0] == "Subject"]
    kind = told.get("event", "")
    return Mail(
        kind=kind,
        recipient=told.get("recipient"),
        at=moment(told.get("timestamp")),
        message_id=text(told, "Message-Id", "message-id"),
        subject=next(iter(texts(subjects)), None),
        campaign=text(told, "campaign-name", "campaign-id"),
        tags=[value for name, value in fields if name in ("tag", "X-Mailgun-Tag") and value],
        link=text(told, "url"),
        bounce="hard" if kind == "bounced" else None,
        reason=text(told, "error", "notification") if kind == "bounced" else None,
        ip=text(told, "ip"),
        user_agent=text(told, "user-agent"),
        custom={name: value for name, value in told.items() if name not in _OURS},
    )
