"""Posts alerts to a receiver, signed as Standard Webhooks asks for."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook as Signer

from connectors.notify.alert import Alert
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from connectors.outward.client import OutwardClient
from connectors.outward.errors import OutwardError
from scorer.times import Micros

TYPE: Final = "lead.alert"


class WebhookSender:
    """One receiver; it knows a copy by `webhook-id`, the alert's id."""

    def __init__(self, url: str, secret: str, client: OutwardClient, clock: Callable[[], Micros]) -> None:
        self._url = url
        self._signer = Signer(secret)
        self._client = client
        self._clock = clock

    async def send(self, alert: Alert, message: Message) -> None:
        """Post one alert; DeliveryError unless the receiver answers 2xx.

        Standard Webhooks: any other answer is a failure, tried again but for 410 (the receiver is gone for
        good) and 3xx (the address is to be changed, not followed).
        """
        data: Any = alert.raw
        if message.assigned is not None:
            who = {name: getattr(message.assigned, name) for name in ("id", "name", "email")}
            data = msgspec.json.decode(alert.raw, type=dict[str, Any]) | {"assigned": who}
        body = msgspec.json.encode({"type": TYPE, "timestamp": alert.at, "data": data})
        try:
            # the status says all: an answer's body that is endless, or never comes, is not waited for
            answer = await self._client.send(
                "POST", self._url, headers=self._headers(alert.id, body), content=body, most_bytes=0
            )
        except OutwardError as error:
            raise DeliveryError(f"the receiver: {error}", retriable=error.retriable) from None
        if answer.is_success:
            return
        status = answer.status
        told = f"the receiver answered {status}"
        if 300 <= status < 400:
            raise DeliveryError(
                f"{told}: redirects are not followed, write the address that it names into the channels file",
                retriable=False,
            )
        raise DeliveryError(
            told,
            retriable=status != HTTPStatus.GONE,
            retry_after_s=answer.retry_after_s(self._clock()),
            gone=status == HTTPStatus.GONE,
        )

    def _headers(self, alert_id: str, body: bytes) -> dict[str, str]:
        # the wall's clock even in a demonstration: receivers refuse what isn't of the last minutes
        now = datetime.now(UTC)
        return {
            "content-type": "application/json",
            "user-agent": "leadheat",
            "webhook-id": alert_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(alert_id, now, body.decode()),
        }

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()
