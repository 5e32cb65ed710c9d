"""Shares partitions out only once Kafka has told of every topic.

A broker that has just come back may not know its topics yet. Faust passes over those: the group would then
be at rest with partitions that nobody scores.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from faust.assignor import PartitionAssignor

from streams.errors import StalledError

_ASK_AGAIN_S: Final = 0.2
_OF_SESSION: Final = 0.5
"""How long to ask: the members wait meanwhile, and must hear of their partitions within a session."""


class TopicsUnknownError(Exception):
    """Kafka tells of no partitions of these topics."""


class WholeAssignor(PartitionAssignor):  # type: ignore[misc]
    """Faust's assignor, which leaves no topic out."""

    def assign(self, cluster: Any, member_metadata: Mapping[str, Any]) -> Any:
        """Raises TopicsUnknownError where a topic's partitions are not known."""
        subscribed = {topic for member in member_metadata.values() for topic in member.subscription}
        unknown = sorted(topic for topic in subscribed if not cluster.partitions_for_topic(topic))
        if unknown:
            raise TopicsUnknownError(", ".join(unknown))
        return super().assign(cluster, member_metadata)


def ask_until_known(consumer: Any, session_s: float, end: Callable[[Exception], NoReturn]) -> None:
    """Has an aiokafka consumer ask Kafka anew while topics are unknown, and `end` the process in vain."""
    assign = consumer._coordinator._perform_assignment

    async def assign_once_known(response: Any) -> Any:
        deadline = time.monotonic() + session_s * _OF_SESSION
        while True:
            try:
                return await assign(response)
            except TopicsUnknownError as error:
                if time.monotonic() > deadline:
                    end(StalledError(f"Kafka tells of no partitions of {error}"))
                await consumer._client.force_metadata_update()
                await asyncio.sleep(_ASK_AGAIN_S)

    consumer._coordinator._perform_assignment = assign_once_known
