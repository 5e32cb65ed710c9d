"""Topics are created once, as they must be, and what is wrong with those that are there is told."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from scorer.topics import SCORES, full_name
from streams import topics
from tests.streaming import Rig


async def make(rig: Rig, name: str, partitions: int, policy: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1, topic_configs={"cleanup.policy": policy})])
    await topics._until_seen(admin, {name})
    await admin.close()


async def test_creates_what_is_missing_then_finds_all_right(rig: Rig) -> None:
    before = await topics.check(rig.bootstrap, rig.prefix, 2)
    created = await topics.ensure(rig.bootstrap, rig.prefix, 2, 1)
    after = await topics.ensure(rig.bootstrap, rig.prefix, 2, 1)
    names = {topic.name for topic in topics.required(rig.prefix)}
    assert {one.topic for one in before.problems} == names
    assert {one.topic for one in created.findings if one.state == "created"} == names
    assert {one.topic for one in after.findings if one.state == "right"} == names
    assert f"{rig.prefix}.scores: right, 2 partitions, compact" in str(after)


async def test_tells_another_number_of_partitions(rig: Rig) -> None:
    await topics.ensure(rig.bootstrap, rig.prefix, 2, 1)
    report = await topics.ensure(rig.bootstrap, rig.prefix, 4, 1)
    assert len(report.problems) == len(report.findings)
    assert "has 2 partitions, expected 4" in str(report)


async def test_creates_nothing_while_the_number_of_partitions_is_in_question(rig: Rig) -> None:
    await make(rig, full_name(rig.prefix, SCORES), 3, "compact")
    refused = await topics.ensure(rig.bootstrap, rig.prefix, 2, 1)
    assert {one.state for one in refused.findings} == {"wrong", "missing"}
    assert "say 3 there if all have it" in str(refused)
    assert not (await topics.ensure(rig.bootstrap, rig.prefix, 3, 1)).problems


async def test_tells_a_policy_that_would_lose_scores(rig: Rig) -> None:
    await make(rig, full_name(rig.prefix, SCORES), 2, "delete")
    report = await topics.ensure(rig.bootstrap, rig.prefix, 2, 1)
    (problem,) = report.problems
    assert (
        str(problem)
        == f"{rig.prefix}.scores: has cleanup.policy=delete, expected compact: change it in Kafka"
    )


@pytest.mark.parametrize("name", ["page-views", "handover", "failed", "alerts", "parked"])
def test_what_is_told_once_is_not_compacted(name: str) -> None:
    (topic,) = [one for one in topics.required("leadheat") if one.name == f"leadheat.{name}"]
    assert topic.policy == "delete"
