"""Sends alerts where people talk, by Apprise."""

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import apprise

from connectors.notify.alert import Alert
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from connectors.outward.addresses import Allowed, address_of
from connectors.outward.errors import ForbiddenAddressError

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines name addresses, which hold keys


class ChatSender:
    """One Apprise URL.

    In threads of its own, so that a service that hangs holds up no other. Its host is judged before each
    message and redirects are not followed; Apprise then resolves the name once more by itself, and reads an
    answer whole, so an address that strangers control is for a webhook.
    """

    def __init__(self, url: str, allowed: Allowed, lanes: int = 1) -> None:
        self._apprise = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
        self._apprise.add(url)
        self._allowed = allowed
        self._host = _host_of(self._apprise)
        self.lanes = lanes if self._host else 1
        """Messages at a time. A vendor's service gets one by one, as rarely as Apprise deems right."""
        if self._host:
            for plugin in self._apprise:
                plugin.request_rate_per_sec = 0  # else one mail in 5.5 s, and what waits counts as hanging
        self._threads = ThreadPoolExecutor(self.lanes, thread_name_prefix="chat")

    async def send(self, alert: Alert, message: Message) -> None:
        """Send one alert; DeliveryError if the service did not take it (Apprise does not say why)."""
        loop = asyncio.get_running_loop()
        try:
            sent = await loop.run_in_executor(
                self._threads, self._send, message.title, message.body or alert.lead_id
            )
        except ForbiddenAddressError as error:
            raise DeliveryError(f"the chat service: {error}", retriable=False) from None
        except OSError:
            raise DeliveryError("the chat service's name is not known", retriable=True) from None
        if not sent:
            raise DeliveryError("the chat service did not take the message", retriable=True)

    def _send(self, title: str, body: str) -> bool:
        if self._host:
            found = socket.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
            if not all(self._allowed.lets(self._host, address_of(str(one[4][0]))) for one in found):
                raise ForbiddenAddressError
        # as text, so that markup in what strangers typed is escaped
        return bool(self._apprise.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))

    async def close(self) -> None:
        """Waits for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _host_of(loaded: apprise.Apprise) -> str | None:
    """The machine that a service of one's own runs on; None where the vendor's is meant."""
    for plugin in loaded:
        if any("{host}" in template for template in plugin.templates):
            return str(getattr(plugin, "smtp_host", None) or plugin.host)
    return None
