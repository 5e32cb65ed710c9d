"""The limit: aiokafka fetches, msgspec parses, nothing is done with it and nothing is kept."""

import asyncio

from aiokafka import AIOKafkaConsumer

from scorer.topics import IN_TOPICS, full_name
from tests.benchmarks.counting import parse
from tests.benchmarks.job import Job, given, mark


async def main(job: Job) -> None:
    """Reads the log once."""
    consumer = AIOKafkaConsumer(
        *(full_name(job.prefix, topic) for topic in IN_TOPICS),
        bootstrap_servers=job.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    seen = 0
    while seen < job.count:
        fetched = await consumer.getmany(timeout_ms=100)
        if fetched and not seen:
            mark(0)
        for records in fetched.values():
            for record in records:
                parse(record.value)
            seen += len(records)
    mark(seen)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(given()))
