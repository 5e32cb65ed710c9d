"""Reads whole topics, from their beginning to where they ended, without a consumer group."""

from collections.abc import AsyncIterator, Container
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient

from scorer.brokers import connection

_BATCH: Final = 5_000
_WAIT_MS: Final = 50
"""For records. An empty topic is known to be so only once the broker has waited in vain."""


async def partitions_of(kafka: str, topic: str) -> list[int]:
    """The partitions of a topic, none where it is not there."""
    client = AIOKafkaClient(**connection(kafka), client_id="leadheat-privacy")
    try:
        await client.bootstrap()
        cluster = await client.fetch_all_metadata()
    finally:
        await client.close()
    return sorted(cluster.partitions_for_topic(topic) or ())


async def rows_of(kafka: str, topic: str, ids: Container[str]) -> dict[str, dict[str, Any]]:
    """The rows of a compacted topic whose `lead`, or key, is among some ids, by their keys."""
    found: dict[str, dict[str, Any]] = {}
    async for record in read_all(kafka, topic):
        key = (record.key or b"").decode(errors="replace")
        try:
            row = msgspec.json.decode(record.value or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # where an owner begins
        if isinstance(row, dict) and (key in ids or row.get("lead") in ids):
            found[key] = row
        else:
            found.pop(key, None)
    return found


async def read_all(kafka: str, topic: str, partition: int | None = None) -> AsyncIterator[Any]:
    """Every record that a topic, or one partition of it, holds now; none where there is no such topic.

    Ends are taken from the answers to fetches: the embedded broker's ListOffsets is wrong about them.
    """
    numbers = await partitions_of(kafka, topic) if partition is None else [partition]
    if not numbers:
        return
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id="leadheat-privacy",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_WAIT_MS,
    )
    await consumer.start()
    try:
        open_parts = {TopicPartition(topic, number) for number in numbers}
        consumer.assign(list(open_parts))
        await consumer.seek_to_beginning(*open_parts)
        ends: dict[TopicPartition, int] = {}
        while open_parts:
            fetched = await consumer.getmany(*open_parts, timeout_ms=_WAIT_MS, max_records=_BATCH)
            for part in list(open_parts):
                if (end := consumer.highwater(part)) is not None:
                    ends.setdefault(part, end)
            for part, records in fetched.items():
                for record in records:
                    if record.offset < ends[part]:
                        yield record
            for part in [part for part in open_parts if part in ends]:
                if await consumer.position(part) >= ends[part]:
                    open_parts.discard(part)
                    consumer.pause(part)
    finally:
        await consumer.stop()
