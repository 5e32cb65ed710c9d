"""Posts alerts to a receiver, signed as Standard Webhooks asks for."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
import msgspec
from standardwebhooks import Webhook as Signer

from connectors.notify.alert import Alert
from connectors.notify.errors import DeliveryError
from connectors.notify.messages import Message

TYPE: Final = "lead.alert"
_WORTH_ANOTHER: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Client errors that another attempt may get over, as any server error."""


class WebhookSender:
    """One receiver; it knows a copy by `webhook-id`, the alert's id."""

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        self._url = url
        self._signer = Signer(secret)
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False)

    async def send(self, alert: Alert, message: Message) -> None:
        """Post one alert; DeliveryError unless the receiver answers 2xx."""
        body = msgspec.json.encode({"type": TYPE, "timestamp": alert.at, "data": alert.raw})
        try:
            # the status says all: an answer's body that is endless, or never comes, is not waited for
            async with self._client.stream(
                "POST", self._url, content=body, headers=self._headers(alert.id, body)
            ) as response:
                if response.headers.get("content-length", "") == "0" or response.status_code == 204:
                    await response.aread()  # nothing: so that the connection can be used again
        except httpx.HTTPError as error:
            raise DeliveryError(
                f"no answer from the receiver: {type(error).__name__}", retriable=True
            ) from None
        if not response.is_success:
            status = response.status_code
            raise DeliveryError(
                f"the receiver answered {status}",
                retriable=status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_ANOTHER,
                retry_after_s=_retry_after(response.headers.get("retry-after")),
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
        await self._client.aclose()


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a number of them or a date; None where nothing readable is said."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
