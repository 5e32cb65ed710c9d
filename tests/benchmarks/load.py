"""The events that benchmarks score: those of a B2B site, some 360 bytes each, most from few leads."""

import bisect
import random
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from scorer.partitioner import partition_of
from scorer.times import SECOND, Micros, format_time
from scorer.topics import full_name, topic_of

_TYPES: Final = {
    "page_view": 55,
    "page_time": 15,
    "email_delivered": 8,
    "email_open": 8,
    "email_click": 4,
    "download": 3,
    "demo_requested": 1,
    "webinar_attended": 1,
    "identify": 4,
    "nps": 1,
}
_PATHS: Final = (
    "/tarifs",
    "/tarifs/entreprise",
    "/intégration-crm",
    "/blog/scoring",
    "/",
    "/contact",
    "/docs/api",
)
_TITLES: Final = ("CEO", "Directrice marketing", "Développeur", "Acheteur", "Chef de projet")
_EVERY: Final = SECOND // 4


def events(count: int, leads: int, end: Micros, seed: int = 7) -> Iterator[tuple[str, bytes, bytes, int]]:
    """Topic (short name), key, value and moment (ms) of each event, the last at `end`, always the same."""
    pick = random.Random(seed)
    shares = [1 / (rank + 10) for rank in range(leads)]
    sums, total = [], 0.0
    for share in shares:
        total += share
        sums.append(total)
    types, weights = list(_TYPES), list(_TYPES.values())
    encode = msgspec.json.Encoder().encode
    for number in range(count):
        lead = f"u-{bisect.bisect(sums, pick.random() * total):06d}"
        kind = pick.choices(types, weights)[0]
        moment = Micros(end - (count - 1 - number) * _EVERY)
        event: dict[str, Any] = {
            "id": f"{number:08x}-{pick.getrandbits(96):024x}",
            "type": kind,
            "lead_id": lead,
            "anonymous_id": f"a-{lead}",
            "time": format_time(moment),
            "properties": _properties(kind, pick),
            "context": {"ip": "192.0.2.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"},
        }
        if kind == "identify":
            event["traits"] = {
                "email": f"{lead}@acme.example",
                "title": pick.choice(_TITLES),
                "employees": pick.randrange(5, 500),
            }
        yield topic_of(kind), lead.encode(), encode(event), moment // 1000


def _properties(kind: str, pick: random.Random) -> dict[str, Any]:
    if kind in ("page_view", "page_time"):
        url = f"https://www.acme.example{pick.choice(_PATHS)}?utm_source=newsletter&s={pick.getrandbits(32):08x}"
        return {"url": url, "title": "Acme", **({"duration_s": 42} if kind == "page_time" else {})}
    if kind.startswith("email"):
        return {"campaign": pick.choice(["demo-2026", "news-11"]), "link": "https://www.acme.example/tarifs"}
    return {"asset": "guide-crm.pdf"} if kind == "download" else {}


async def fill(bootstrap: str, prefix: str, partitions: int, count: int, leads: int) -> int:
    """Sends events up to now in large batches, a topic's in order of time; how many leads they are of."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1 << 18)
    await producer.start()
    batches: dict[tuple[str, int], Any] = {}
    seen: dict[bytes, int] = {}
    try:
        for topic, key, value, moment_ms in events(count, leads, Micros(time.time_ns() // 1_000)):
            partition = seen.setdefault(key, partition_of(key, partitions))
            where = full_name(prefix, topic), partition
            batch = batches.setdefault(where, producer.create_batch())
            if batch.append(timestamp=moment_ms, key=key, value=value) is None:
                await (await producer.send_batch(batch, where[0], partition=partition))
                batches[where] = producer.create_batch()
                batches[where].append(timestamp=moment_ms, key=key, value=value)
        for (topic, partition), batch in batches.items():
            await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()
    return len(seen)
