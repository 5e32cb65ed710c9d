"""No topic is left out of an assignment: what Kafka does not know of is asked for again, and for so long."""

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import AsyncMock

import faust
import pytest
from faust.assignor import PartitionAssignor

from streams.batching.assignor import TopicsUnknownError, WholeAssignor, ask_until_known
from streams.errors import StalledError

SESSION_S = 1.0


class Ended(BaseException):
    """Instead of the end of the process."""


def end(error: Exception) -> NoReturn:
    raise Ended from error


def cluster_of(*topics: str) -> Any:
    """A cluster with two partitions of each topic."""
    return SimpleNamespace(partitions_for_topic=lambda topic: {0, 1} if topic in topics else None)


def members_of(assignor: PartitionAssignor, *topics: str) -> dict[str, Any]:
    return {"one": assignor.metadata(set(topics))}


def assignor_of(kind: type[PartitionAssignor]) -> PartitionAssignor:
    app = faust.App("assignor", broker="kafka://127.0.0.1:9")
    return kind(app)


def given(assignment: dict[str, Any]) -> list[tuple[str, list[int]]]:
    return sorted(assignment["one"].assignment)


def test_topics_that_are_known_are_shared_out() -> None:
    assignor = assignor_of(WholeAssignor)
    found = assignor.assign(cluster_of("views", "clicks"), members_of(assignor, "views", "clicks"))
    assert [(topic, sorted(numbers)) for topic, numbers in given(found)] == [
        ("clicks", [0, 1]),
        ("views", [0, 1]),
    ]


@pytest.mark.parametrize("known", [(), ("views",)])
def test_one_that_is_not_known_is_refused_where_faust_passes_over_it(known: tuple[str, ...]) -> None:
    passed_over = assignor_of(PartitionAssignor)
    members = members_of(passed_over, "views", "clicks")
    assert "clicks" not in dict(given(passed_over.assign(cluster_of(*known), members)))
    with pytest.raises(TopicsUnknownError, match="clicks"):
        assignor_of(WholeAssignor).assign(cluster_of(*known), members)


def consumer_of(answers: list[Any]) -> Any:
    """An aiokafka consumer, whose assignments raise or give these one after the other, the last for ever."""

    async def assign(response: Any) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(
        _coordinator=SimpleNamespace(_perform_assignment=assign),
        _client=SimpleNamespace(force_metadata_update=AsyncMock()),
    )


async def test_kafka_is_asked_until_it_knows() -> None:
    consumer = consumer_of([TopicsUnknownError("clicks"), TopicsUnknownError("clicks"), "shared out"])
    ask_until_known(consumer, SESSION_S, end)
    assert await consumer._coordinator._perform_assignment(None) == "shared out"
    assert consumer._client.force_metadata_update.await_count == 2


async def test_in_vain_the_process_ends_within_the_session() -> None:
    consumer = consumer_of([TopicsUnknownError("clicks")])
    ask_until_known(consumer, SESSION_S, end)
    with pytest.raises(Ended) as ended:
        async with asyncio.timeout(10 * SESSION_S):
            await consumer._coordinator._perform_assignment(None)
    assert isinstance(ended.value.__cause__, StalledError)
    assert "clicks" in str(ended.value.__cause__)
