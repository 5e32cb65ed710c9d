"""Sends alerts where people talk, by Apprise."""

import logging

import apprise

from connectors.notify.alert import Alert
from connectors.notify.errors import DeliveryError
from connectors.notify.messages import Message

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines name addresses, which hold keys


class ChatSender:
    """One Apprise URL."""

    def __init__(self, url: str) -> None:
        self._apprise = apprise.Apprise()
        self._apprise.add(url)

    async def send(self, alert: Alert, message: Message) -> None:
        """Send one alert; DeliveryError if the service did not take it (Apprise does not say why)."""
        sent = await self._apprise.async_notify(
            title=message.title,
            body=message.body or alert.lead_id,
            body_format=apprise.NotifyFormat.TEXT,  # so that markup in what strangers typed is escaped
        )
        if not sent:
            raise DeliveryError("the chat service did not take the message", retriable=True)

    async def close(self) -> None:
        """Nothing is held open."""
