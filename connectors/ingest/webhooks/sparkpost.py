"""SparkPost's webhooks (Bird), signed with nothing: lists of events, each in the object of its class."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.ingest.webhooks.mail import BOUNCE, CLICK, COMPLAINT, DELIVERED, OPEN, UNSUBSCRIBE, Mail
from connectors.ingest.webhooks.provider import Delivery, MailProvider
from connectors.ingest.webhooks.reading import custom, moment, part, text, texts

_TYPES: Final[Mapping[str, str | None]] = {
    "injection": None,
    "delay": None,
    "policy_rejection": None,
    "generation_failure": None,
    "generation_rejection": None,
    "auto_reply": None,
    "subscribe": None,
    "initial_open": None,  # beside `open`, of which it is a part
    "amp_initial_open": None,
    "relay_delivery": None,
    "relay_injection": None,
    "relay_message": None,
    "relay_permfail": None,
    "relay_rejection": None,
    "relay_tempfail": None,
    "delivery": DELIVERED,
    "bounce": BOUNCE,
    "out_of_band": BOUNCE,
    "open": OPEN,
    "amp_open": OPEN,
    "click": CLICK,
    "amp_click": CLICK,
    "spam_complaint": COMPLAINT,
    "list_unsubscribe": UNSUBSCRIBE,
    "link_unsubscribe": UNSUBSCRIBE,
}
_CLASSES: Final = {"60": "auto_reply", "80": "subscribe", "90": "list_unsubscribe", "100": "auto_reply"}
"""Classes of bounces that are none: what answers a message is not always a failure."""
_HARD: Final = frozenset({"10", "30"})


class SparkPost(MailProvider):
    """SparkPost."""

    name = "sparkpost"
    types = _TYPES

    def mails(self, told: Mapping[str, Any], delivery: Delivery) -> Iterator[Mail]:
        """One of one person; none of the object without a class by which it tries an address."""
        del delivery
        for of_class, one in part(told, "msys").items():
            if of_class == "relay_message" or not isinstance(one, dict):
                continue
            kind, bounce_class = text(one, "type") or "", text(one, "bounce_class")
            bounced = kind in ("bounce", "out_of_band")
            if bounced and bounce_class in _CLASSES:
                kind, bounced = _CLASSES[bounce_class], False
            yield Mail(
                kind=kind,
                recipient=text(one, "raw_rcpt_to", "rcpt_to"),
                at=moment(one.get("timestamp")),
                id=text(one, "event_id"),
                message_id=text(one, "message_id", "transmission_id"),
                subject=text(one, "subject"),
                campaign=text(one, "campaign_id"),
                tags=texts(one.get("rcpt_tags")),
                template=text(one, "template_id"),
                link=text(one, "target_link_url"),
                bounce=("hard" if bounce_class in _HARD else "soft") if bounced else None,
                reason=text(one, "raw_reason", "reason") if bounced else None,
                ip=text(one, "ip_address"),
                user_agent=text(one, "user_agent"),
                machine=part(one, "user_agent_parsed").get("is_prefetched") is True,
                proxy=part(one, "user_agent_parsed").get("is_proxy") is True,
                custom=custom(one.get("rcpt_meta")),
            )
