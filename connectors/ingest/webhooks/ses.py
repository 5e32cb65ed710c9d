"""Amazon SES's events, which come by Amazon SNS: signed by it, and only from the topics that are ours."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks.fetching import FetchError
from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, MailProvider
from connectors.ingest.webhooks.reading import custom, decoded, headers_of, inner, moment, part, text, texts
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof, require_fresh, unproven
from connectors.ingest.webhooks.sns import Certificates, is_sns, require_signature
from scorer.errors import EventError

_log: Final = logging.getLogger(__name__)
_TYPES: Final[Mapping[str, str | None]] = {
    "send": None,
    "reject": None,
    "rendering_failure": None,
    "delivery_delay": None,
    "subscription": None,
    "received": None,
    "amazon_sns_subscription_succeeded": None,
    "delivery": DELIVERED,
    "bounce": BOUNCE,
    "open": OPEN,
    "click": CLICK,
    "complaint": COMPLAINT,
    "unsubscribe": UNSUBSCRIBE,
}
_CONFIRM: Final = "SubscriptionConfirmation"
_VALIDATED: Final = "Successfully validated SNS topic"
"""What SES writes to a topic, in plain words, when it is set up."""


class AmazonSes(MailProvider):
    """Amazon SES by SNS. Without topics set, a key in the address shows who sends."""

    name = "ses"
    max_age_s = 9 * 3600
    """SNS signs a message when it is published and tries for an hour, by some policies for longer."""
    types = _TYPES

    @cached_property
    def _certificates(self) -> Certificates:
        return Certificates()

    def signs(self, settings: ProviderSettings) -> bool:
        """Whether there is a topic that it must be of: anybody can have a topic of their own signed."""
        return bool(settings.topics)

    def check(self, settings: ProviderSettings) -> None:
        """Names of topics."""
        for topic in settings.topics:
            if not topic.startswith("arn:aws") or topic.count(":") != 5:
                raise ValueError(
                    f"topics: {topic}: expected one such as arn:aws:sns:eu-west-3:123456789012:mail"
                )

    async def authenticate(self, delivery: Delivery) -> Proof | None:
        """RSA over some fields of the message, which names its certificate."""
        message = _message(delivery.body)
        if text(message, "TopicArn") not in delivery.settings.topics:
            raise RefusedError(403, "TopicArn: none of the topics set for ses in the webhooks file")
        head = delivery.head
        signed = moment(text(message, "Timestamp"))
        if signed is None:
            raise unproven("Timestamp: missing or no time")
        require_fresh(signed, head.received, delivery.max_age_us(self.max_age_s))
        url = text(message, "SigningCertURL", "SigningCertUrl") or ""
        key = await self._certificates.key(url, delivery.fetch, head.received)
        require_signature(message, key)
        return Proof(text(message, "MessageId") or "", signed)

    async def settle(self, delivery: Delivery) -> None:
        """Confirms a subscription, at Amazon's own address only."""
        message = _message(delivery.body)
        if message.get("Type") != _CONFIRM:
            return
        url = text(message, "SubscribeURL") or ""
        if not is_sns(url):
            raise RefusedError(400, "SubscribeURL: no address of Amazon SNS")
        try:
            await delivery.fetch(url)
        except FetchError as error:
            _log.warning("the subscription at Amazon SNS could not be confirmed: %s", error)
            raise RefusedError(503, "the subscription could not be confirmed: send again", 5) from None

    def items(self, delivery: Delivery) -> Sequence[bytes]:
        """The message, unless it is about a subscription."""
        message = _message(delivery.body)
        told = text(message, "Message") or ""
        about_itself = message.get("Type") not in ("Notification", None) or told.startswith(_VALIDATED)
        return [] if about_itself else [delivery.body]

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of each recipient that it is about; who of several opened or clicked, SES does not say."""
        del delivery
        event = inner(told.get("Message")) if "Message" in told else told  # SNS may leave its envelope out
        if not isinstance(event, dict):
            raise EventError("Message: expected the JSON of an event of SES")
        kind = text(event, "eventType", "notificationType") or ""
        mail = part(event, "mail")
        about = part(event, kind[:1].lower() + kind[1:])
        if kind == "Subscription" and part(about, "newTopicPreferences").get("unsubscribeAll") is True:
            kind = "Unsubscribe"
        tags = {name: value for name, listed in part(mail, "tags").items() for value in texts(listed)[:1]}
        own: dict[str, Any] = {name: value for name, value in tags.items() if not name.startswith("ses:")}
        headers = headers_of(mail.get("headers"))
        own |= {name: value for one in headers.get("x-metadata", []) for name, value in custom(one).items()}
        permanent = text(about, "bounceType") == "Permanent"
        for recipient, reason in _recipients(mail, about):
            yield Mail(
                kind=kind,
                recipient=recipient,
                at=moment(text(about, "timestamp") or text(told, "Timestamp")),
                message_id=text(mail, "messageId"),
                subject=text(part(mail, "commonHeaders"), "subject"),
                campaign=text(own, "campaign"),
                tags=headers.get("x-tag", []),
                template=text(tags, "ses:template"),
                link=text(about, "link"),
                bounce=("hard" if permanent else "soft") if kind == "Bounce" else None,
                reason=(reason or text(about, "bounceSubType")) if kind == "Bounce" else None,
                ip=text(about, "ipAddress"),
                user_agent=text(about, "userAgent"),
                custom=own,
            )


def _message(body: bytes) -> Mapping[str, Any]:
    try:
        return decoded(body)
    except (EventError, RecursionError):
        raise RefusedError(400, "no valid JSON: expected a message of Amazon SNS") from None


def _recipients(mail: Mapping[str, Any], about: Mapping[str, Any]) -> list[tuple[str | None, str | None]]:
    """Those that an event is about, with what is said of each; the message's all where it doesn't say."""
    for name in ("bouncedRecipients", "complainedRecipients"):
        if isinstance(listed := about.get(name), list):
            found = [one for one in listed if isinstance(one, dict)]
            return [(text(one, "emailAddress"), text(one, "diagnosticCode")) for one in found] or [
                (None, None)
            ]
    everyone = texts(about.get("recipients")) or texts(mail.get("destination"))
    return [(one, None) for one in everyone] or [(None, None)]
