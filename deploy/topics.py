"""Makes the topics with what the settings say, and tells in words what is in the way."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from deploy.errors import UnreachableError
from deploy.settings import Settings
from scorer.brokers import connection

if TYPE_CHECKING:
    from streams.topics import Report

_WITHIN_S: Final = 30.0  # it takes a second or two
_ASK_EVERY_S: Final = 0.1


async def ensure(kafka: str, loaded: Settings, partitions: int) -> "Report":
    """Creates what is missing and checks the rest; UnreachableError where nobody answers as Kafka does."""
    from aiokafka.errors import KafkaError  # late: what only refuses to start need not load Kafka's client

    from streams import topics

    try:
        async with asyncio.timeout(_WITHIN_S):
            kept = loaded.raw_retention_days, loaded.retention()
            return await topics.ensure(kafka, loaded.topic_prefix, partitions, loaded.replication, *kept)
    except (KafkaError, TimeoutError) as error:
        raise UnreachableError(
            f"{kafka} takes connections, but does not answer as Kafka does ({error!r}): "
            "correct the address, or look at that broker's log"
        ) from error


async def groups_ready(kafka: str) -> None:
    """Has a new Kafka make its topic of offsets, as it does once somebody asks: roles would complain first.

    Where it takes too long they do.
    """
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

    admin = AIOKafkaAdminClient(**connection(kafka))
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_WITHIN_S):
            await admin.start()
            while True:
                with contextlib.suppress(GroupCoordinatorNotAvailableError):
                    await admin.find_coordinator("leadheat")
                    break
                await asyncio.sleep(_ASK_EVERY_S)
    await admin.close()
