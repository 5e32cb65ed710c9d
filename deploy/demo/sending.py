"""Sends events to the gateway as any producer would, again and again while it cannot take them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import httpx

from deploy.errors import DeployError

_log = logging.getLogger(__name__)

_AGAIN: Final = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0


class RefusedError(DeployError):
    """The gateway will never take these events."""


class Sender:
    """Posts events with a write key; `sleep` waits so many seconds."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        write_key: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {write_key}"}
        self._sleep = sleep

    async def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Returns once the gateway has answered for them; raises RefusedError where it takes none at all.

        The same events may arrive twice where an answer was lost: their ids make them count once.
        """
        pause = _FIRST_PAUSE_S
        while (answer := await self._post(events)) is None or answer.status_code in _AGAIN:
            wished = None if answer is None else _seconds(answer.headers.get("Retry-After"))
            reason = "cannot be reached" if answer is None else f"answered {answer.status_code}"
            wait = min(pause if wished is None else wished, _LONGEST_PAUSE_S)
            _log.info("the gateway %s: again in %g s", reason, wait)
            await self._sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        if answer.status_code != 200:
            raise RefusedError(
                f"the gateway answered {answer.status_code} to sample events: {answer.text[:200]}"
            )
        for rejected in answer.json()["rejected"][:1]:
            _log.warning("the gateway rejected sample events, the first because: %s", rejected["error"])

    async def _post(self, events: Sequence[dict[str, Any]]) -> httpx.Response | None:
        try:
            return await self._client.post("/v1/events", json=events, headers=self._headers)
        except httpx.TransportError:
            return None


def _seconds(retry_after: str | None) -> float | None:
    """The seconds that a `Retry-After` asks for; its form as a date is left to our own pause.

    >>> _seconds("2"), _seconds("Wed, 21 Oct 2026 07:28:00 GMT"), _seconds(None)
    (2.0, None, None)
    """
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
