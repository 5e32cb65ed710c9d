"""Topics are created once, as they must be, and what is wrong with those that are there is told."""

import secrets

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.kafka.cluster import Cluster
from scorer.topics import ALERTS, ARRIVALS, FAILED, HANDOVER, IN_TOPICS, PAGE_VIEWS, SCORES, full_name
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


async def test_each_topic_is_made_with_the_days_that_it_is_to_be_kept(rig: Rig) -> None:
    days = {"page-views": 30, "failed": 14, "alerts": 0}
    await topics.ensure(rig.bootstrap, rig.prefix, 2, 1, 400, days)
    async with topics.admin_of(rig.bootstrap) as admin:
        held = {
            name: (await topics.settings_of(admin, full_name(rig.prefix, name)))["retention.ms"]
            for name in (*IN_TOPICS, ALERTS, HANDOVER, FAILED, topics.PARKED, ARRIVALS)
        }
    day = 86_400_000
    assert held == {
        **dict.fromkeys((*IN_TOPICS, HANDOVER), str(400 * day)),
        PAGE_VIEWS: str(30 * day),
        ALERTS: "-1",
        FAILED: str(14 * day),
        topics.PARKED: str(90 * day),
        ARRIVALS: str(day // 24),
    }


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


@pytest.mark.kafka
async def test_gives_topics_that_are_there_the_retention_that_is_set(real_kafka: Cluster) -> None:
    prefix = f"test-{secrets.token_hex(4)}"
    name = full_name(prefix, PAGE_VIEWS)
    await topics.ensure(real_kafka.bootstrap, prefix, 2, 1)
    async with topics.admin_of(real_kafka.bootstrap) as admin:

        async def seen(setting: str, value: str) -> dict[str, str]:
            """The topic's settings, once the broker tells of one that was changed."""
            held: dict[str, str] = {}
            while held.get(setting) != value:
                held = {entry: told for entry, told, *_ in (await topics._entries(admin, [name]))[name]}
            return held

        own = {"cleanup.policy": "delete", "retention.ms": "-1", "segment.ms": "60000"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, own)])
        await seen("segment.ms", "60000")
        report = await topics.ensure(real_kafka.bootstrap, prefix, 2, 1, raw_days=30)
        held = await seen("retention.ms", "2592000000")
    assert f"{name}: changed: retention.ms=2592000000" in str(report)
    assert held["segment.ms"] == "60000"  # what others have set stays
    assert f"{full_name(prefix, FAILED)}: right" in str(report)
    again = await topics.ensure(real_kafka.bootstrap, prefix, 2, 1, raw_days=30)
    assert {one.state for one in again.findings} == {"right"}
    named = await topics.ensure(real_kafka.bootstrap, prefix, 2, 1, 30, {FAILED: 14})
    assert f"{full_name(prefix, FAILED)}: changed: retention.ms=1209600000" in str(named)
