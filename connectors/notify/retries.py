"""Tries a delivery until it succeeds, cannot succeed, or was tried often enough."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from connectors.notify.config import NotifyConfig
from connectors.notify.errors import DeliveryError

_log: Final = logging.getLogger(__name__)
_JITTER: Final = 0.5
"""The part of a delay that is left to chance, so that receivers don't get all retries at once."""


class Retries:
    """The patience with one destination; while it is away, every alert gets one attempt only."""

    def __init__(self, config: NotifyConfig, label: str) -> None:
        self._config = config
        self._label = label
        self._away = False

    async def deliver(self, send: Callable[[], Awaitable[None]], on_retry: Callable[[], None]) -> int:
        """How many attempts it took; DeliveryError once it is given up."""
        attempt = 1
        while True:
            try:
                async with asyncio.timeout(self._config.timeout_s):
                    await send()
            except TimeoutError:
                error = DeliveryError(f"no answer within {self._config.timeout_s:g} s", retriable=True)
            except DeliveryError as refused:
                error = refused
            else:
                self._note(away=False)
                return attempt
            if not error.retriable:
                raise error
            if attempt >= self._config.attempts or self._away:
                self._note(away=True)
                raise error
            on_retry()
            await asyncio.sleep(self._delay(attempt, error.retry_after_s))
            attempt += 1

    def _delay(self, attempt: int, wanted_s: float | None) -> float:
        delay = min(self._config.longest_delay_s, self._config.first_delay_s * 2.0 ** (attempt - 1))
        delay *= 1 - _JITTER * random.random()
        wanted = 0.0 if wanted_s is None else min(wanted_s, self._config.longest_retry_after_s)
        return max(delay, wanted)

    def _note(self, *, away: bool) -> None:
        if away and not self._away:
            _log.warning("%s is away: until it answers, each alert is tried once, then parked", self._label)
        elif self._away and not away:
            _log.info("%s answers again", self._label)
        self._away = away
