"""What every protocol does with a request: admit its key, read its body, hand its events to the broker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import msgspec
from starlette.requests import Request

from connectors.ingest.arrivals import noted
from connectors.ingest.bodies import read_body, read_raw
from connectors.ingest.config import GatewayConfig
from connectors.ingest.cors import SOURCE
from connectors.ingest.errors import BrokerAwayError, BusyError, RecordTooLargeError, RefusedError
from connectors.ingest.keys import Key, each_of
from connectors.ingest.limits import Buckets, RateLimit
from connectors.ingest.link_tokens import LinkKeys
from connectors.ingest.mapping import PLAIN, SourceMapping
from connectors.ingest.metrics import ROBOTS, ingested, of_source
from connectors.ingest.producer import EventProducer, Outgoing
from connectors.ingest.records import EventTooLargeError
from connectors.ingest.robots.judge import Judge
from connectors.ingest.robots.rules import load_rules
from connectors.ingest.source import NotAllowedError, Source, TooFastError
from connectors.ingest.sources import Sources
from scorer.errors import EventError
from scorer.event import RETRACT
from scorer.topics import topic_of

_MAX_EVENTS: Final = 20_000
"""Of one request: more than real events of a megabyte, fewer than what `{}` a million times would cost."""
_YIELD_EVERY: Final = 200
"""Events after which other requests get their turn, about 5 ms."""
_RETRY_AFTER_S: Final = 2


def require_few(events: int) -> None:
    """Raises RefusedError 413 where a request has more events than one may."""
    if events > _MAX_EVENTS:
        raise RefusedError(413, f"more than {_MAX_EVENTS} events in one request")


@dataclass(frozen=True)
class Rejected:
    """One event of a request that is not taken: its place, its bytes, and why."""

    index: int
    raw: bytes
    error: EventError


@dataclass
class Sifted:
    """The events of one request: what goes to the broker, what is left out, and what is rejected."""

    records: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    retractions: list[Outgoing] = field(default_factory=list)
    """What takes earlier events back that these show to be robots'."""
    excluded: int = 0
    """Events of a source's own people: taken like others, and not published."""

    @property
    def accepted(self) -> int:
        """How many events the sender is told of as taken."""
        return len(self.records) + self.excluded

    def require_some(self) -> None:
        """Raises RefusedError where all of several events are rejected."""
        if self.rejected and not self.accepted:
            raise self.refusal()

    def refusal(self) -> RefusedError:
        """What a request is answered none of whose events is taken."""
        error = self.rejected[0].error
        if all(isinstance(one.error, EventTooLargeError) for one in self.rejected):
            return RefusedError(413, str(error), reason="event_too_large")
        if all(isinstance(one.error, NotAllowedError) for one in self.rejected):
            return RefusedError(403, str(error), reason="not_allowed")
        if all(isinstance(one.error, TooFastError) for one in self.rejected):
            waits = [one.error.retry_after_s for one in self.rejected if isinstance(one.error, TooFastError)]
            return RefusedError(429, str(error), max(waits), "lead_too_fast")
        return RefusedError(400, str(error))


@dataclass(frozen=True)
class Admission:
    """What a request was let in as."""

    source: Source
    staff: bool = False
    """Whether it comes from a browser of the source's own people."""


@dataclass(frozen=True)
class Intake:
    """The gateway's parts that all protocols share."""

    config: GatewayConfig
    sources: Sources
    limit: RateLimit
    producer: EventProducer
    mappings: Mapping[str, SourceMapping]
    links: LinkKeys = field(default_factory=LinkKeys)
    robots: Judge = field(default_factory=lambda: Judge(load_rules(None)))
    of_sources: Buckets = field(default_factory=Buckets)
    of_leads: Buckets = field(default_factory=Buckets)

    def admit(self, protocol: str, key: Key | None, request: Request | None = None) -> Admission:
        """Raises RefusedError 401, 403 or 429 unless the key may send by this protocol, from there, now."""
        return self.admit_all(protocol, (key,), request)

    def admit_all(
        self, protocol: str, keys: Sequence[Key | None], request: Request | None = None
    ) -> Admission:
        """The same for a request that carries several keys; it counts once, for the first of them."""
        seen = noted()
        seen.protocol = protocol
        seen.keys += each_of(keys)
        found = [self.sources.admit(protocol, key) for key in keys or (None,)]
        place, source = found[0]
        if self.sources.named(source.name) is None:
            seen.place = place
        else:
            seen.source = source.name
        staff = False
        if request is not None:
            request.scope[SOURCE] = source
            for _, one in found:
                self._require_origin(one, request)
            staff = source.exclusions.internal and source.exclusions.cover_browser(request.cookies)
        if source.rate is None:
            self.limit.take(place)
        elif wait_s := self.of_sources.wait_s(source.name, source.rate):
            raise RefusedError(
                429, f"more than {source.rate.per_second:g} events a second of this source", wait_s
            )
        return Admission(source, staff)

    def _require_origin(self, source: Source, request: Request) -> None:
        if source.origins is None or (origin := request.headers.get("origin")) is None:
            return
        if not self.sources.allows_origin(origin, source):
            raise RefusedError(403, "this key does not admit from pages of this site", reason="origin")

    def mapping(self, protocol: str, admission: Admission | None = None) -> SourceMapping:
        """What the source, else the mapping file, says about the protocol's names."""
        if admission is not None and admission.source.mapping is not None:
            return admission.source.mapping
        return self.mappings.get(protocol, PLAIN)

    async def body(self, request: Request) -> bytes:
        """The body, unpacked and within the limit."""
        seen = noted()
        seen.body = await read_body(request, self.config.max_body_bytes)
        return seen.body

    async def raw_body(self, request: Request) -> bytes:
        """The body's bytes as they came, within the limit: what a signature is over."""
        return await read_raw(request, self.config.max_body_bytes)

    async def sift(
        self,
        events: Sequence[bytes],
        records_of: Callable[[bytes], Sequence[Outgoing]],
        admission: Admission,
    ) -> Sifted:
        """Makes the records of each event; what raises EventError is rejected alone."""
        require_few(len(events))
        source = admission.source
        looks = source.looks_at_events or admission.staff
        found = Sifted()
        for index, raw in enumerate(events):
            if index % _YIELD_EVERY == _YIELD_EVERY - 1:
                await asyncio.sleep(0)
            try:
                made = records_of(raw)
                if looks:
                    passed = [
                        one for one in (self._passed(one, admission) for one in made) if one is not None
                    ]
                    found.excluded += len(made) - len(passed)
                    made = passed
                found.records += made
            except EventError as error:
                found.rejected.append(Rejected(index, raw, error))
        if source.rate is not None:
            self.of_sources.take(source.name, source.rate, len(events))
        for result, count in (("excluded", found.excluded), ("rejected", len(found.rejected))):
            if count:
                of_source(source.name, result).inc(count)
        records, found.records = found.records, []
        for start in range(0, len(records), _YIELD_EVERY):
            if start:
                await asyncio.sleep(0)
            judged, retractions = self.judged(records[start : start + _YIELD_EVERY])
            found.records += judged
            found.retractions += retractions
        seen = noted()
        seen.events = found.records
        seen.rejected = [(one.index, str(one.error)) for one in found.rejected]
        return found

    def _passed(self, record: Outgoing, admission: Admission) -> Outgoing | None:
        """The record as the source lets it pass; None where it is its own people's."""
        event, source = record.event, admission.source
        if event is None:
            return record
        source.require_allowed(event.type)
        if admission.staff or source.exclusions.cover(event):
            return None
        if source.lead_rate is not None:
            sender = (source.name, event.key)
            if wait_s := self.of_leads.wait_s(sender, source.lead_rate):
                rate = source.lead_rate.per_second
                raise TooFastError(f"more than {rate:g} events a second of one lead", wait_s)
            self.of_leads.take(sender, source.lead_rate)
        return source.without_address(record, event)

    def judged(self, records: Sequence[Outgoing]) -> tuple[list[Outgoing], list[Outgoing]]:
        """The records with robots' events marked, and those that take earlier events back."""
        found = self.robots.judge([record.value for record in records], self.config.clock())
        for reason in chain.from_iterable(found.reasons):
            ROBOTS.labels(reason).inc()
        marked = [
            record if value is record.value else msgspec.structs.replace(record, value=value)
            for record, value in zip(records, found.events, strict=True)
        ]
        return marked, [
            Outgoing(topic_of(RETRACT), event.key.encode(), value) for event, value in found.retractions
        ]

    async def publish(
        self, protocol: str, found: Sifted, admission: Admission, also: Sequence[Outgoing] = ()
    ) -> None:
        """Returns when the broker has the records; raises RefusedError 413 or 503 otherwise."""
        try:
            await self.producer.publish([*found.records, *found.retractions, *also])
        except BusyError as error:
            ingested(protocol, "refused").inc(len(found.records))
            raise RefusedError(503, f"{error}: send again", _RETRY_AFTER_S, "busy") from error
        except BrokerAwayError as error:
            ingested(protocol, "unknown").inc(len(found.records))
            raise RefusedError(503, f"{error}: send again", _RETRY_AFTER_S) from error
        except RecordTooLargeError as error:
            raise RefusedError(413, str(error)) from error
        ingested(protocol, "accepted").inc(len(found.records))
        if found.rejected:
            ingested(protocol, "rejected").inc(len(found.rejected))
        of_source(admission.source.name, "accepted").inc(len(found.records))


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer TOKEN`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
