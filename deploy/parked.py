"""What could not be delivered, alerts and what CRMs did not take: list it, ask for it again, let it go.

All that becomes of it is a record of its topic: what was asked for outlives whoever asked.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Self

import msgspec
from aiokafka import AIOKafkaProducer

from deploy.privacy.topic_log import partitions_of, read_all
from scorer.brokers import connection
from scorer.partitioner import partition_of
from scorer.times import Micros, format_time
from scorer.topics import full_name
from streams.topics import PARKED

Outcome = Literal["retry", "dropped"]


class Parked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery that was given up, or a record that is no alert (which has a place and no id).

    Sync's have no alert: `lead_id` says of whom a CRM should have been told.
    """

    at: str
    reason: str
    id: str | None = None
    channel: str | None = None
    destination: str | None = None
    result: str = "parked"
    place: str | None = None
    alert: msgspec.Raw = msgspec.Raw(b"null")
    lead_id: str | None = None
    partition: int = 0

    @classmethod
    def read(cls, record: Any) -> Self | None:
        """What a record says; None where it is none of ours."""
        try:
            told = msgspec.json.decode(record.value or b"", type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return msgspec.structs.replace(told, partition=record.partition)

    @property
    def mark(self) -> str:
        """What it is called on the command line."""
        named = "\n".join((self.id or "", self.channel or "", self.destination or "", self.place or ""))
        return hashlib.sha256(named.encode()).hexdigest()[:12]

    @property
    def lead(self) -> str | None:
        """Of whom it is."""
        if self.lead_id is not None:
            return self.lead_id
        told = msgspec.json.decode(self.alert)
        lead = told.get("lead_id") if isinstance(told, dict) else None
        return lead if isinstance(lead, str) else None

    def is_called(self, name: str) -> bool:
        """Whether a name, an alert's id or a beginning of either means it."""
        return self.mark.startswith(name) or (self.id or self.place or "").startswith(name)


async def parked(kafka: str, prefix: str) -> list[Parked]:
    """What is parked now, oldest first."""
    last: dict[str, tuple[int, Parked]] = {}
    async for record in read_all(kafka, full_name(prefix, PARKED)):
        told = Parked.read(record)
        if told is None:
            continue
        before = last.get(told.mark)
        # on one partition the later record counts; older releases spread an alert's records over several
        if before is None or before[1].partition == record.partition or before[0] <= record.timestamp:
            last[told.mark] = (record.timestamp, told)
    return sorted((one for _, one in last.values() if one.result == "parked"), key=lambda one: one.at)


async def tell(kafka: str, prefix: str, some: Sequence[Parked], outcome: Outcome, now: Micros) -> None:
    """Asks for parked alerts again, or lets them go; returns once Kafka has all of it."""
    topic = full_name(prefix, PARKED)
    count = len(await partitions_of(kafka, topic))
    producer = AIOKafkaProducer(**connection(kafka), client_id="leadheat-parked", acks="all")
    await producer.start()
    try:
        for one in some:
            told = {name: getattr(one, name) for name in ("id", "channel", "destination")}
            told |= {"result": outcome, "at": format_time(now), "reason": "asked for by leadheat parked"}
            partition = one.partition
            if one.place is not None:
                told["place"] = one.place
            if outcome == "retry":
                # sync's has no alert: by the lead alone it is known as sync's, and as the person's
                told |= {"alert": one.alert} if one.lead_id is None else {"lead_id": one.lead_id}
                partition = partition_of((one.lead or "").encode(), count)
            await producer.send(
                topic,
                msgspec.json.encode(told),
                key=(one.id or one.place or "").encode(),
                partition=partition,
                timestamp_ms=now // 1_000,
            )
        await producer.flush()
    finally:
        await producer.stop()
