"""Mails alerts: one address, text and HTML, links as buttons."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.mail.errors import CarrierError, LaterError
from connectors.mail.smtp import SmtpCarrier
from connectors.notify.alert import Alert
from connectors.notify.config import MailAccess
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from scorer.times import Micros

_HEADERS: Final = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""So that nobody's absence note answers."""
_MOST_SUBJECT: Final = 200
_template: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("alert.html")


@dataclass(frozen=True)
class From:
    """Whom alerts come from."""

    address: str
    name: str = "LeadHeat"
    reply_to: str | None = None


@dataclass(frozen=True)
class AlertMail:
    """An alert as it is handed over."""

    sender: From
    to: str
    subject: str
    text: str
    html: str
    at: Micros
    message_id: str
    headers: Mapping[str, str] = field(default_factory=lambda: _HEADERS)


class MailSender:
    """One address; a copy has the Message-ID of the first."""

    def __init__(self, to: str, access: MailAccess, clock: Callable[[], Micros], timeout_s: float) -> None:
        self._to = to
        self._from = From(access.sender)
        self._carrier = SmtpCarrier(access.server, timeout_s=timeout_s)
        self._clock = clock

    async def send(self, alert: Alert, message: Message) -> None:
        """Mail one alert; DeliveryError unless the server takes it."""
        try:
            await self._carrier.send(written(alert, message, self._from, self._to, self._clock()))
        except LaterError as error:
            raise DeliveryError(str(error), retriable=True, retry_after_s=error.after_s or None) from None
        except CarrierError as error:
            raise DeliveryError(str(error), retriable=False) from None

    async def close(self) -> None:
        """Hang up."""
        await self._carrier.close()


def written(alert: Alert, message: Message, sender: From, to: str, at: Micros) -> AlertMail:
    """The mail of an alert to an address."""
    once = hashlib.sha256(f"{alert.id}\n{to}".encode()).hexdigest()[:32]
    title = message.title
    return AlertMail(
        sender,
        to,
        title if len(title) <= _MOST_SUBJECT else title[: _MOST_SUBJECT - 1] + "…",
        f"{title}\n\n{message.body}\n",
        _template.render(m=message),
        at,
        f"<alert-{once}@{sender.address.rpartition('@')[2]}>",
    )
