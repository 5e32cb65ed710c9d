"""The events that benchmarks score: those of a B2B site, some 360 bytes each, most from few leads."""

import bisect
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from scorer.messages import Record
from scorer.partitioner import partition_of
from scorer.times import DAY, SECOND, Micros, format_time
from scorer.topics import full_name, topic_of

_TYPES: Final = {
    "page_view": 550,
    "page_time": 150,
    "email_delivered": 80,
    "email_open": 80,
    "email_click": 40,
    "download": 30,
    "demo_requested": 8,
    "webinar_attended": 10,
    "identify": 40,
    "nps": 8,
    "unsubscribe": 2,
    "email_bounce": 2,
}
_PATHS: Final = (
    "/tarifs",
    "/tarifs/entreprise",
    "/intégration-crm",
    "/blog/scoring",
    "/",
    "/contact",
    "/docs/api",
    "/carrières",
)
_TITLES: Final = ("CEO", "Directrice marketing", "Développeur", "Acheteur", "Chef de projet", "Stagiaire")
_INDUSTRIES: Final = ("Logistique", "Logiciels", "Santé", "Commerce")
_EVERY: Final = SECOND // 4
_LATEST: Final = 10 * DAY
"""How late an event comes at most: older ones would only test how fast points fade to nothing."""


class Logged(NamedTuple):
    """An event of the log: topic (short name), key, value, and when it arrived, in milliseconds."""

    topic: str
    key: bytes
    value: bytes
    arrived_ms: int


@dataclass(frozen=True)
class Log:
    """Events in the order of their arrival."""

    events: Sequence[Logged]

    def first(self, count: int) -> "Log":
        """The log's beginning."""
        return Log(self.events[:count])

    def by_lead(self) -> Counter[bytes]:
        """How many events each lead has."""
        return Counter(event.key for event in self.events)

    def records(self, ends: dict[str, int]) -> list[Record]:
        """The same without Kafka, on one partition; `ends` has each topic's next offset, and is moved on."""
        made = []
        for topic, key, value, arrived_ms in self.events:
            offset = ends.get(topic, 0)
            made.append(Record(topic, 0, offset, arrived_ms * 1000, key, value))
            ends[topic] = offset + 1
        return made


def make(
    count: int, leads: int, late: float = 0.0, visit: float | None = None, seed: int = 7, before: int = 0
) -> Log:
    """A log up to now, or to `before` events ago; `late`: the share of events that come up to ten days late.

    With `visit`, leads come equally often, each for so many events in a row; without, a few come most.
    All are known from the start, so that none is merged: other engines have nothing for that.
    """
    pick = random.Random(seed)
    who = _busy(leads, pick) if visit is None else _visits(leads, visit, pick)
    return Log(list(_events(count, who, Micros(_now() - before * _EVERY), late, pick)))


def everybody(leads: int) -> Log:
    """One event of each lead, a while ago."""
    return Log(list(_events(leads, iter(range(leads)), Micros(_now() - 7 * DAY), 0.0, random.Random(3))))


def _now() -> Micros:
    return Micros(time.time_ns() // 1_000)


def _busy(leads: int, pick: random.Random) -> Iterator[int]:
    sums, total = [], 0.0
    for rank in range(leads):
        total += 1 / (rank + 10)
        sums.append(total)
    while True:
        yield bisect.bisect(sums, pick.random() * total)


def _visits(leads: int, visit: float, pick: random.Random) -> Iterator[int]:
    who = pick.randrange(leads)
    while True:
        yield who
        if pick.random() * visit < 1:
            who = pick.randrange(leads)


def _events(
    count: int, who: Iterator[int], end: Micros, late: float, pick: random.Random
) -> Iterator[Logged]:
    types, weights = list(_TYPES), list(_TYPES.values())
    encode = msgspec.json.Encoder().encode
    for number in range(count):
        lead = f"u-{next(who):06d}"
        kind = pick.choices(types, weights)[0]
        arrived = end - (count - 1 - number) * _EVERY
        moment = arrived - pick.randrange(_LATEST) if pick.random() < late else arrived
        event: dict[str, Any] = {
            "id": f"{number:08x}-{pick.getrandbits(96):024x}",
            "type": kind,
            "lead_id": lead,
            "time": format_time(Micros(moment)),
            "properties": _properties(kind, pick),
            "context": {"ip": "192.0.2.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"},
        }
        if kind == "identify":
            event["traits"] = {
                "email": f"{lead}@acme.example",
                "title": pick.choice(_TITLES),
                "employees": pick.randrange(5, 500),
                "industry": pick.choice(_INDUSTRIES),
            }
        else:
            event["anonymous_id"] = f"a-{lead}"
        yield Logged(topic_of(kind), lead.encode(), encode(event), arrived // 1000)


def _properties(kind: str, pick: random.Random) -> dict[str, Any]:
    if kind in ("page_view", "page_time"):
        url = f"https://www.acme.example{pick.choice(_PATHS)}?utm_source=newsletter&s={pick.getrandbits(32):08x}"
        return {"url": url, "title": "Acme", **({"duration_s": 42} if kind == "page_time" else {})}
    if kind.startswith("email"):
        return {"campaign": pick.choice(["demo-2026", "news-11"]), "link": "https://www.acme.example/tarifs"}
    return {"asset": pick.choice(["guide-crm.pdf", "livre-blanc-crm.pdf"])} if kind == "download" else {}


async def fill(bootstrap: str, prefix: str, partitions: int, events: Iterable[Logged]) -> None:
    """Sends events in large batches, a topic's in their order."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1 << 18)
    await producer.start()
    batches: dict[tuple[str, int], Any] = {}
    places: dict[bytes, int] = {}
    try:
        for topic, key, value, arrived_ms in events:
            if (partition := places.get(key)) is None:
                partition = places[key] = partition_of(key, partitions)
            batch = batches.get((topic, partition))
            if batch is None or batch.append(timestamp=arrived_ms, key=key, value=value) is None:
                if batch is not None:
                    await (await producer.send_batch(batch, full_name(prefix, topic), partition=partition))
                batch = batches[topic, partition] = producer.create_batch()
                batch.append(timestamp=arrived_ms, key=key, value=value)
        for (topic, partition), batch in batches.items():
            await (await producer.send_batch(batch, full_name(prefix, topic), partition=partition))
    finally:
        await producer.stop()
