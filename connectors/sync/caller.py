"""Calls to a CRM: one small interface to HTTP, and a line that keeps to the vendor's rates."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from connectors.outward.addresses import Allowed
from connectors.outward.client import OutwardClient
from connectors.outward.errors import ForbiddenAddressError, InvalidAddressError, OutwardError
from connectors.sync.errors import AwayError, LockedOutError
from scorer.times import SECOND, Micros

_LOOK_S: Final = 0.05
"""How often a wait looks at the clock, which may go faster than the wall's."""
_MOST_BYTES: Final = 32 << 20
"""Of an answer: a page of 5,000 records with every field is less."""


class Answer(msgspec.Struct, frozen=True):
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; AwayError where it is none: then something else answered, a proxy say."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise AwayError(f"the answer ({self.status}) is no JSON") from None

    @property
    def wait_s(self) -> float | None:
        """What Retry-After asks for, in seconds."""
        told = self.headers.get("retry-after", "").strip()
        return float(told) if told.replace(".", "", 1).isdigit() else None


class Caller(Protocol):
    """Sends one request; AwayError where no whole answer comes, LockedOutError where none ever may."""

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer, whatever its status; redirects are not followed."""

    async def close(self) -> None:
        """Hangs up."""


class OutwardCaller:
    """By the guarded client: nothing private unless allowed, no redirects, capped answers, a deadline."""

    def __init__(self, allowed: Allowed, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._client = OutwardClient(allowed, total_s=timeout_s, most_bytes=_MOST_BYTES, tls=tls)

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer; LockedOutError where its address must not be called: waiting doesn't mend that."""
        try:
            answer = await self._client.send(method, url, headers=headers, content=body)
        except (ForbiddenAddressError, InvalidAddressError) as error:
            raise LockedOutError(str(error)) from None
        except OutwardError as error:
            raise AwayError(str(error)) from None
        return Answer(answer.status, answer.headers, answer.body)

    async def close(self) -> None:
        """Hangs up."""
        await self._client.close()


def tls_of(ca: Path | None) -> ssl.SSLContext | None:
    """What believes the certificates of a file alone; None: what everybody believes."""
    return None if ca is None else ssl.create_default_context(cafile=ca)


class Rate(msgspec.Struct, frozen=True):
    """So many calls within so many seconds."""

    calls: int
    within_s: float


class Bucket:
    """Lets through as many calls at once as a rate allows in its time, and then as many as flow in."""

    def __init__(self, rate: Rate, clock: Callable[[], Micros]) -> None:
        self._rate = rate
        self._clock = clock
        self._left = float(rate.calls)
        self._seen = clock()

    def take(self) -> float:
        """Takes a token if there is one; else how many seconds until there is."""
        now = self._clock()
        per_s = self._rate.calls / self._rate.within_s
        self._left = min(self._rate.calls, self._left + (now - self._seen) / SECOND * per_s)
        self._seen = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / per_s


class Line:
    """A caller that keeps to the rates of a destination, by lanes."""

    def __init__(self, caller: Caller, rates: Mapping[str, Rate], clock: Callable[[], Micros]) -> None:
        self._caller = caller
        self._clock = clock
        self._buckets = {lane: Bucket(rate, clock) for lane, rate in rates.items()}

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        lane: str = "",
    ) -> Answer:
        """Waits for its turn in the lane, then calls."""
        while (bucket := self._buckets.get(lane)) is not None and (wait := bucket.take()):
            await until(self._clock() + int(wait * SECOND) + 1, self._clock)
        return await self._caller.call(method, url, headers or {}, body)

    async def close(self) -> None:
        """Hangs up."""
        await self._caller.close()


async def until(moment: int, clock: Callable[[], Micros]) -> None:
    """Waits for a moment, by whatever clock."""
    while (left := moment - clock()) > 0:  # noqa: ASYNC110 - a clock of a test's own tells nobody
        await asyncio.sleep(min(_LOOK_S, left / SECOND))
