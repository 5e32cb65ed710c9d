"""Creates the topics, and checks that those that are there are as they must be."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from scorer.topics import ALERTS, FAILED, HANDOVER, IN_TOPICS, SCORES, full_name
from streams.config import changelog_name
from streams.errors import StartError

MAX_RECORD_BYTES: Final = 4_000_000
"""Largest record that a worker writes: a state with 64 traits of an event's 32 kB each, and room."""

PARKED: Final = "parked"
"""Alerts that no channel took, for somebody to look at."""

_DAY_MS: Final = 86_400_000
_HANDOVER_BYTES: Final = 4 << 30  # of a partition; a hand-over is needed for seconds
_SEEN_WITHIN_S: Final = 15.0  # Kafka answers before all its nodes know of a new topic
_REPAIRED_WITHIN_MS: Final = 600_000
"""In a changelog a worker that lost its partition may leave an older state behind the right one. Both must be
there until the owner has started anew and written the right one again."""
_COMPACT: Final = {"cleanup.policy": "compact", "max.message.bytes": str(MAX_RECORD_BYTES + 100_000)}


@dataclass(frozen=True)
class Topic:
    """A topic as it must be: `settings` are given at creation, the policy among them is checked."""

    name: str
    settings: dict[str, str]

    @property
    def policy(self) -> str:
        """Whether old records go by age (`delete`) or by key (`compact`)."""
        return self.settings["cleanup.policy"]


@dataclass(frozen=True)
class Finding:
    """What was found of one topic."""

    topic: str
    state: Literal["created", "right", "weak", "missing", "wrong"]
    text: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.text}"


@dataclass(frozen=True)
class Report:
    """What was found of all topics."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What must be mended before anything starts."""
        return tuple(one for one in self.findings if one.state in ("missing", "wrong"))

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What works, and would lose records with one machine."""
        return tuple(one for one in self.findings if one.state == "weak")

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def required(prefix: str) -> list[Topic]:
    """All topics that the product uses."""
    large = {"max.message.bytes": str(MAX_RECORD_BYTES + 100_000)}
    # Kept for good: what the board shows is rebuilt from these, and Kafka counts age by a record's own stamp,
    # so it would delete an imported history before anybody has read it. Hand-overs go by size instead.
    kept = {"cleanup.policy": "delete", "retention.ms": "-1"}
    done = {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY_MS)}
    states = _COMPACT | {"min.compaction.lag.ms": str(_REPAIRED_WITHIN_MS)}
    dated = [
        *(Topic(full_name(prefix, name), kept) for name in IN_TOPICS),
        Topic(full_name(prefix, ALERTS), kept | large),
        Topic(full_name(prefix, HANDOVER), kept | large | {"retention.bytes": str(_HANDOVER_BYTES)}),
        Topic(full_name(prefix, FAILED), done | large),
        Topic(full_name(prefix, PARKED), done | large),
    ]
    return [*dated, Topic(full_name(prefix, SCORES), _COMPACT), Topic(changelog_name(prefix), states)]


async def ensure(kafka: str, prefix: str, partitions: int, replication: int) -> Report:
    """Creates what is missing, with as many partitions and copies, and checks the rest."""
    async with _Admin(kafka) as admin:
        there = await _partition_counts(admin)
        if any(there.get(topic.name, partitions) != partitions for topic in required(prefix)):
            return _uncreated(await _check(admin, prefix, partitions))
        missing = [topic for topic in required(prefix) if topic.name not in there]
        created = await _create(admin, missing, partitions, replication)
        await _until_seen(admin, created)
        report = await _check(admin, prefix, partitions)
    return Report(
        tuple(
            Finding(one.topic, "created", f"created, {partitions} partitions, {replication} copies of each")
            if one.topic in created and one.state == "right"
            else one
            for one in report.findings
        )
    )


def _uncreated(report: Report) -> Report:
    """The report where numbers of partitions differ: making more, for good, would leave no way back."""
    text = "missing, and not created before the others have the right number of partitions"
    return Report(
        tuple(replace(one, text=text) if one.state == "missing" else one for one in report.findings)
    )


async def check(kafka: str, prefix: str, partitions: int) -> Report:
    """Checks the topics and changes nothing."""
    async with _Admin(kafka) as admin:
        return await _check(admin, prefix, partitions)


class _Admin:
    """An admin client that is closed again."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka

    async def __aenter__(self) -> Any:
        self._client = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def _partition_counts(admin: Any) -> dict[str, int]:
    return {name: len(copies) for name, copies in (await _copies(admin)).items()}


async def _copies(admin: Any) -> dict[str, list[int]]:
    """By topic, how many copies each partition has."""
    described = await admin.describe_topics()
    return {
        topic["topic"]: [len(partition["replicas"]) for partition in topic["partitions"]]
        for topic in described
        if not topic["error_code"]
    }


async def _create(admin: Any, topics: list[Topic], partitions: int, replication: int) -> set[str]:
    if not topics:
        return set()
    response = await admin.create_topics(
        [NewTopic(one.name, partitions, replication, topic_configs=one.settings) for one in topics]
    )
    for name, code, *message in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):  # another role may have created it meanwhile
            reason = message[0] if message and message[0] else for_code(code).__name__
            raise StartError(f"topic {name} could not be created: {reason}")
    return {one.name for one in topics}


async def _until_seen(admin: Any, names: set[str]) -> None:
    deadline = time.monotonic() + _SEEN_WITHIN_S
    while names - (await _partition_counts(admin)).keys() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # Kafka has no way to tell us


async def _check(admin: Any, prefix: str, partitions: int) -> Report:
    topics = required(prefix)
    there = await _copies(admin)
    policies = await _policies(admin, [one.name for one in topics if one.name in there])
    brokers = len(admin._client.cluster.brokers())
    return Report(
        tuple(
            _finding(one, there.get(one.name), policies.get(one.name), partitions, brokers) for one in topics
        )
    )


def _finding(
    topic: Topic, copies: list[int] | None, policy: str | None, partitions: int, brokers: int
) -> Finding:
    if not copies:
        return Finding(topic.name, "missing", "missing: create it with `leadheat topics`")
    if (count := len(copies)) != partitions:
        return Finding(
            topic.name,
            "wrong",
            f"has {count} partitions, expected {partitions}: every topic must have as many as "
            "LEADHEAT_PARTITIONS says, for good, so that a lead's events and state have one partition "
            f"number; say {count} there if all have it, else make the topic anew",
        )
    if policy is not None and policy != topic.policy:
        return Finding(
            topic.name, "wrong", f"has cleanup.policy={policy}, expected {topic.policy}: change it in Kafka"
        )
    if brokers > 1 and min(copies) < 2:
        text = f"has partitions with one copy, of {brokers} brokers: what is acknowledged goes with a machine"
        return Finding(topic.name, "weak", text + "; give it 3 copies, and min.insync.replicas=2")
    return Finding(topic.name, "right", f"right, {count} partitions, {topic.policy}")


async def _policies(admin: Any, names: list[str]) -> dict[str, str]:
    """The policies that the broker tells; the embedded one tells only those that were set."""
    if not names:
        return {}
    # No filter by entry: the embedded broker hangs up on one.
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = {}
    for response in await admin.describe_configs(resources):
        for _code, _message, _kind, name, entries in response.resources:
            for entry, value, *_ in entries:
                if entry == "cleanup.policy" and value:
                    found[name] = value
    return found
