"""Turns what a provider tells of a message into the contract's events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Literal

from connectors.ingest.addresses import campaign_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.names import event_type, field_name, snake
from connectors.ingest.webhooks.reading import address, identity
from scorer.ids import somebody
from scorer.times import Micros, format_time

BOUNCE: Final = "email_bounce"
CLICK: Final = "email_click"
COMPLAINT: Final = "email_complaint"
DELIVERED: Final = "email_delivered"
OPEN: Final = "email_open"
UNSUBSCRIBE: Final = "unsubscribe"

LEAD_ID: Final = ("lead_id", "user_id")
"""Metadata of a message by which its sender says whose it is."""
_BY_THE_PERSON: Final = frozenset({OPEN, CLICK, UNSUBSCRIBE})
"""Of the others, address and program are those of mail servers."""
_MACHINES: Final = {OPEN: "machine_open", CLICK: "machine_click"}


@dataclass(frozen=True)
class Mail:
    """Something that happened to a message for one person."""

    kind: str
    """The provider's own word for what happened."""
    recipient: str | None
    at: Micros | None = None
    id: str | None = None
    """The provider's own unique id of the happening."""
    message_id: str | None = None
    subject: str | None = None
    campaign: str | None = None
    tags: Sequence[str] = ()
    template: str | None = None
    link: str | None = None
    bounce: Literal["hard", "soft"] | None = None
    reason: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    machine: bool = False
    """Whether the provider says that a program did it, not the person."""
    proxy: bool = False
    """Whether the provider says that it came through a mail program's proxy."""
    custom: Mapping[str, Any] = field(default_factory=dict)
    """What the sender put on the message for its own use."""


def type_of(kind: str, types: Mapping[str, str | None], mapping: SourceMapping) -> str | None:
    """The type of a provider's kind of event: as mapped, else as the provider means it; None: no event.

    >>> type_of("spamReport", {"spam_report": "email_complaint"}, SourceMapping())
    'email_complaint'
    >>> type_of("Processed", {"processed": None}, SourceMapping(events={"processed": "email_sent"}))
    'email_sent'
    """
    words = snake(field_name(kind))
    if words in mapping.events:
        return mapping.events[words]
    return types[words] if words in types else event_type(words, {}, {})


def mail_events(
    mail: Mail, of_type: str, provider: str, mapping: SourceMapping, lead_id: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """The event, after the one that ties the address to the lead that the sender named, if any did."""
    recipient = address(mail.recipient)
    lead = somebody(identity(mail.custom, (*lead_id, *LEAD_ID)))
    who = {"anonymous_id": recipient} if lead is None else {"lead_id": lead, "anonymous_id": recipient}
    event = {
        "id": mail.id or derived_id(provider, mail.message_id, of_type, mail.at, recipient, mail.link),
        "type": of_type,
        **who,
        **({} if mail.at is None else {"time": format_time(mail.at)}),
    }
    if lead is not None and lead != recipient:
        yield {**event, "id": f"{event['id']}/identify", "type": "identify"}
    yield {**event, "properties": _properties(mail, mapping), "context": _context(mail, of_type)}


def derived_id(provider: str, *parts: object) -> str:
    """An id that the same happening gets again, where the provider gives it none."""
    return f"{provider}-{blake2b(repr(parts).encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


def _properties(mail: Mail, mapping: SourceMapping) -> dict[str, Any]:
    link_campaign = campaign_of(mail.link).get("utm_campaign")
    found = {
        "message_id": mail.message_id,
        "subject": mail.subject,
        "campaign": mail.campaign or next(iter(mail.tags), None) or mail.template or link_campaign,
        "tags": list(mail.tags),
        "template": mail.template,
        "link": mail.link,
        "bounce": mail.bounce,
        "reason": mail.reason,
        "event": mail.kind,
        "metadata": dict(mail.custom),
    }
    for name, value in mail.custom.items():
        if (ours := mapping.properties.get(name)) is not None:
            found[ours] = value
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _context(mail: Mail, of_type: str) -> dict[str, Any]:
    found: dict[str, Any] = {"channel": "email"}
    if of_type in _BY_THE_PERSON:
        if mail.ip:
            found["ip"] = mail.ip
        if mail.user_agent:
            found["user_agent"] = mail.user_agent
    if mail.machine and of_type in _MACHINES:
        found[_MACHINES[of_type]] = True
    if mail.proxy and of_type == OPEN:
        found["proxy_open"] = True
    return {**campaign_of(mail.link), **found}
