"""What every protocol does with a request: admit its key, read its body, hand its events to the broker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from connectors.ingest.arrivals import noted
from connectors.ingest.bodies import read_body
from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import BrokerAwayError, RecordTooLargeError, RefusedError
from connectors.ingest.keys import WriteKeys
from connectors.ingest.limits import RateLimit
from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.metrics import INGESTED
from connectors.ingest.producer import EventProducer, Outgoing
from connectors.ingest.records import EventTooLargeError
from scorer.errors import EventError

_MAX_EVENTS: Final = 20_000
"""Of one request: more than real events of a megabyte, fewer than what `{}` a million times would cost."""
_YIELD_EVERY: Final = 200
"""Events after which other requests get their turn, about 5 ms."""
_RETRY_AFTER_S: Final = 2


@dataclass(frozen=True)
class Rejected:
    """One event of a request that is not taken: its place, its bytes, and why."""

    index: int
    raw: bytes
    error: EventError


@dataclass
class Sifted:
    """The events of one request: what goes to the broker, and what is rejected."""

    records: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def require_some(self) -> None:
        """Raises RefusedError 413 or 400 where all of several events are rejected."""
        if self.rejected and not self.records:
            large = all(isinstance(one.error, EventTooLargeError) for one in self.rejected)
            raise RefusedError(413 if large else 400, str(self.rejected[0].error))


@dataclass(frozen=True)
class Intake:
    """The gateway's parts that all protocols share."""

    config: GatewayConfig
    keys: WriteKeys
    limit: RateLimit
    producer: EventProducer
    mappings: Mapping[str, SourceMapping]

    def admit(self, protocol: str, key: str | None) -> None:
        """Raises RefusedError 401, 403 or 429 unless the key may send by this protocol, now."""
        seen = noted()
        seen.protocol = protocol
        seen.keys.append(key or "")
        seen.place = self.keys.admit(protocol, key)
        self.limit.take(seen.place)

    def admit_all(self, protocol: str, keys: Sequence[str]) -> None:
        """The same for a request that carries several keys; it counts once."""
        seen = noted()
        seen.protocol = protocol
        seen.keys += keys
        places = [self.keys.admit(protocol, key) for key in keys or (None,)]
        seen.place = places[0]
        self.limit.take(seen.place)

    def mapping(self, protocol: str) -> SourceMapping:
        """What the mapping file says about the protocol."""
        return self.mappings.get(protocol, PLAIN)

    async def body(self, request: Request) -> bytes:
        """The body, unpacked and within the limit."""
        seen = noted()
        seen.body = await read_body(request, self.config.max_body_bytes)
        return seen.body

    async def sift(
        self, events: Sequence[bytes], records_of: Callable[[bytes], Sequence[Outgoing]]
    ) -> Sifted:
        """Makes the records of each event; what raises EventError is rejected alone."""
        if len(events) > _MAX_EVENTS:
            raise RefusedError(413, f"more than {_MAX_EVENTS} events in one request")
        found = Sifted()
        for index, raw in enumerate(events):
            if index % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
            try:
                found.records += records_of(raw)
            except EventError as error:
                found.rejected.append(Rejected(index, raw, error))
        seen = noted()
        seen.events = found.records
        seen.rejected = [(one.index, str(one.error)) for one in found.rejected]
        return found

    async def publish(self, protocol: str, found: Sifted, also: Sequence[Outgoing] = ()) -> None:
        """Returns when the broker has the records; raises RefusedError 413 or 503 otherwise."""
        try:
            await self.producer.publish([*found.records, *also])
        except BrokerAwayError as error:
            INGESTED.labels(protocol, "unknown").inc(len(found.records))
            raise RefusedError(503, f"{error}: send again", _RETRY_AFTER_S) from error
        except RecordTooLargeError as error:
            raise RefusedError(413, str(error)) from error
        INGESTED.labels(protocol, "accepted").inc(len(found.records))
        INGESTED.labels(protocol, "rejected").inc(len(found.rejected))


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer TOKEN`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
