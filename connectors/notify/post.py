"""Posts JSON to a chat's webhook: an answer of 2xx is a delivery, what the chat will never take is parked."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from connectors.notify.alert import Alert
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from connectors.outward.client import OutwardClient
from connectors.outward.errors import OutwardError
from scorer.times import Micros

_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals of the moment, among those that blame the request."""


class PostSender:
    """One webhook of a chat that takes messages in a shape of its own."""

    def __init__(
        self,
        chat: str,
        url: str,
        shape: Callable[[Message], dict[str, Any]],
        client: OutwardClient,
        clock: Callable[[], Micros],
    ) -> None:
        self._chat = chat
        self._url = url
        self._shape = shape
        self._client = client
        self._clock = clock

    async def send(self, alert: Alert, message: Message) -> None:
        """Post one alert; DeliveryError unless the chat takes it."""
        body = msgspec.json.encode(self._shape(message))
        headers = {"content-type": "application/json; charset=utf-8", "user-agent": "leadheat"}
        try:
            answer = await self._client.send("POST", self._url, headers=headers, content=body, most_bytes=0)
        except OutwardError as error:
            raise DeliveryError(f"{self._chat}: {error}", retriable=error.retriable) from None
        if answer.is_success:
            return
        status = answer.status
        told = f"{self._chat} answered {status}"
        if status < 500 and status not in _LATER:
            raise DeliveryError(
                f"{told}: its webhook may be switched off or its channel gone, make a new one and write its "
                "address into the channels file",
                retriable=False,
                gone=status == HTTPStatus.GONE,
            )
        raise DeliveryError(told, retriable=True, retry_after_s=answer.retry_after_s(self._clock()))

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()
