"""Whether the scoring still has events to count: what its group committed, against the topics' ends."""

import asyncio
import logging
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from connectors.hang_up import hang_up
from scorer.brokers import connection

_log: Final = logging.getLogger(__name__)
_WITHIN_S: Final = 2.0


class ScoringLag:
    """Asks the broker for the offsets of a consumer group."""

    def __init__(self, kafka: str, group: str | None) -> None:
        self._kafka = kafka
        self._group = group
        self._admin: AIOKafkaAdminClient | None = None

    async def behind(self, ends: dict[TopicPartition, int]) -> bool:
        """Whether the group has not committed up to these ends; False where nobody knows."""
        if self._group is None:
            return False
        try:
            async with asyncio.timeout(_WITHIN_S):
                if self._admin is None:
                    admin = AIOKafkaAdminClient(**connection(self._kafka), client_id="leadheat-serve")
                    try:
                        await admin.start()
                    except BaseException:
                        await hang_up(admin.close(), _WITHIN_S)
                        raise
                    self._admin = admin
                committed = await self._admin.list_consumer_group_offsets(self._group, partitions=list(ends))
        except (KafkaError, OSError, TimeoutError) as error:
            _log.debug("the offsets of %s are not known: %s", self._group, type(error).__name__)
            return False
        return any(
            end > 0 and (part not in committed or committed[part].offset < end) for part, end in ends.items()
        )

    async def close(self) -> None:
        """Hangs up."""
        if self._admin is not None:
            await hang_up(self._admin.close(), _WITHIN_S)
            self._admin = None
