"""Deletes events and hand-overs from the topics, up to what every reader has read."""

from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from deploy.privacy.cache import Cached
from deploy.privacy.orders import committed_by
from deploy.privacy.topic_log import partitions_of
from scorer.topics import HANDOVER, full_name
from streams.config import group_name

HANDOVERS: Final = (HANDOVER,)


async def delete_read(
    kafka: str, admin: Any, prefix: str, topics: tuple[str, ...], cached: Cached | None
) -> dict[str, int]:
    """Deletes what scoring and the cache have read of topics; by topic how many partitions held any.

    What nobody has read yet is no history: it stays until it is read and the command given again.
    """
    names = {full_name(prefix, topic): topic for topic in topics}
    parts = [TopicPartition(name, number) for name in names for number in await partitions_of(kafka, name)]
    ends = await committed_by(admin, group_name(prefix), parts)
    if cached is not None and topics != HANDOVERS:
        read = await cached.offsets()
        ends = {
            part: min(end, read.get(f"{names[part.topic]}:{part.partition}", 0)) for part, end in ends.items()
        }
    found = {part: RecordsToDelete(end) for part, end in ends.items() if end > 0}
    if found:
        await admin.delete_records(found)
    return {topic: sum(part.topic == name for part in found) for name, topic in names.items()}


async def can_delete(admin: Any, kafka: str, prefix: str) -> bool:
    """Whether this broker deletes records at all; the embedded one hangs up on who asks."""
    name = full_name(prefix, HANDOVER)
    numbers = await partitions_of(kafka, name)
    try:
        await admin.delete_records({TopicPartition(name, number): RecordsToDelete(0) for number in numbers})
    except KafkaError:
        await partitions_of(kafka, name)  # raises where the broker has gone away
        return False
    return True
