"""Creates the topics, and checks that those that are there are as they must be."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from scorer.brokers import connection
from scorer.topics import (
    ACCOUNTS,
    ALERTS,
    ARRIVALS,
    DELIVERIES,
    ERASURES,
    FAILED,
    HANDOVER,
    IMPORTS,
    IN_TOPICS,
    NURTURING,
    SCORES,
    SYNC,
    TASKS,
    full_name,
)
from streams.config import changelog_name
from streams.errors import StartError

MAX_RECORD_BYTES: Final = 4_000_000
"""Largest record that a worker writes: a state with 64 traits of an event's 32 kB each, and room."""

PARKED: Final = "parked"
"""Alerts that no channel took, for somebody to look at."""

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_ARRIVALS_BYTES: Final = 32 << 20  # of a partition; an hour of them is less
_HANDOVER_BYTES: Final = 4 << 30  # of a partition; a hand-over is needed for seconds
_SEEN_WITHIN_S: Final = 15.0  # Kafka answers before all its nodes know of a new topic
_REPAIRED_WITHIN_MS: Final = 600_000
"""In a changelog a worker that lost its partition may leave an older state behind the right one. Both must be
there until the owner has started anew and written the right one again."""
_COMPACT: Final = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(MAX_RECORD_BYTES + 100_000),
    # An erased id's old versions go within a week; the deletion itself a day later at the least, the next
    # time that the topic is cleaned: a worker's folder of states that was away for longer is made anew.
    "max.compaction.lag.ms": str(7 * _DAY_MS),
    "delete.retention.ms": str(_DAY_MS),
}
_FOLLOWED_WITHIN_MS: Final = 3_600_000
"""The keeper of accounts that was away for less finds each score that it has not read, and the one before."""
_APPLIED: Final = (
    "retention.ms",
    "segment.ms",
    "min.compaction.lag.ms",
    "max.compaction.lag.ms",
    "delete.retention.ms",
)
"""Settings that a topic which is there is given too, unless somebody has set it otherwise there."""

_NONE: Final[Mapping[str, int]] = MappingProxyType({})
_DYNAMIC: Final = 1
"""Kafka's mark of a setting that is the topic's own."""


@dataclass(frozen=True)
class Topic:
    """A topic as it must be: `settings` are given at creation, the policy among them is checked."""

    name: str
    settings: dict[str, str]
    aged: bool = False
    """Whether a setting of ours says how long it keeps records, which a topic that is there follows."""

    @property
    def policy(self) -> str:
        """Whether old records go by age (`delete`) or by key (`compact`)."""
        return self.settings["cleanup.policy"]


@dataclass(frozen=True)
class Finding:
    """What was found of one topic."""

    topic: str
    state: Literal["created", "changed", "right", "weak", "missing", "wrong"]
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


def required(prefix: str, raw_days: int = 0, own_days: Mapping[str, int] = _NONE) -> list[Topic]:
    """All topics that the product uses; events and alerts are kept for `raw_days`, 0: for good.

    `own_days` says otherwise for topics by their short names.
    """
    large = {"max.message.bytes": str(MAX_RECORD_BYTES + 100_000)}
    # What the board shows is rebuilt from these, and Kafka counts age by a record's own stamp, so it deletes
    # an imported history that is older before anybody has read it. Hand-overs bear their events' stamps.
    kept = {"cleanup.policy": "delete", "retention.ms": str(raw_days * _DAY_MS or -1)}
    brief = {"segment.ms": str(_DAY_MS)}  # what was deleted goes from the disk with its file, a day's records
    done = {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY_MS)} | brief
    fleeting = {
        "cleanup.policy": "delete",
        "retention.ms": str(_HOUR_MS),
        "segment.ms": str(_HOUR_MS // 6),
        "retention.bytes": str(_ARRIVALS_BYTES),
    }
    sized = {"retention.bytes": str(_HANDOVER_BYTES)}
    told = _COMPACT | {"cleanup.policy": "compact,delete", "retention.ms": str(90 * _DAY_MS)} | brief
    states = _COMPACT | {"min.compaction.lag.ms": str(_REPAIRED_WITHIN_MS)}
    dated = [
        *(Topic(full_name(prefix, name), kept, aged=True) for name in IN_TOPICS),
        Topic(full_name(prefix, ALERTS), kept | large, aged=True),
        Topic(full_name(prefix, HANDOVER), kept | large | brief | sized, aged=True),
        Topic(full_name(prefix, FAILED), done | large),
        Topic(full_name(prefix, PARKED), done | large),
        Topic(full_name(prefix, ARRIVALS), fleeting),
        Topic(full_name(prefix, DELIVERIES), told),
    ]
    for name, days in own_days.items():
        place = [one.name for one in dated].index(full_name(prefix, name))
        settings = dated[place].settings | {"retention.ms": str(days * _DAY_MS or -1)}
        dated[place] = replace(dated[place], settings=settings, aged=True)
    compacted = (
        Topic(full_name(prefix, name), _COMPACT)
        for name in (ERASURES, IMPORTS, TASKS, NURTURING, SYNC, ACCOUNTS)
    )
    followed = _COMPACT | {"min.compaction.lag.ms": str(_FOLLOWED_WITHIN_MS)}
    return [
        *dated,
        *compacted,
        Topic(full_name(prefix, SCORES), followed),
        Topic(changelog_name(prefix), states),
    ]


async def ensure(
    kafka: str,
    prefix: str,
    partitions: int,
    replication: int,
    raw_days: int = 0,
    own_days: Mapping[str, int] = _NONE,
) -> Report:
    """Creates what is missing, with as many partitions and copies, and checks the rest."""
    async with admin_of(kafka) as admin:
        there = await _partition_counts(admin)
        if any(there.get(topic.name, partitions) != partitions for topic in required(prefix)):
            return _uncreated(await _check(admin, prefix, partitions))
        wanted = required(prefix, raw_days, own_days)
        missing = [topic for topic in wanted if topic.name not in there]
        created = await _create(admin, missing, partitions, replication)
        await _until_seen(admin, created)
        report = await _check(admin, prefix, partitions)
        right = {one.topic for one in report.findings if one.state == "right"} - created
        changed = await _apply(admin, [topic for topic in wanted if topic.name in right])
    texts = {name: f"changed: {text}" for name, text in changed.items()}
    texts |= dict.fromkeys(created, f"created, {partitions} partitions, {replication} copies of each")
    return Report(
        tuple(
            Finding(one.topic, "created" if one.topic in created else "changed", texts[one.topic])
            if one.topic in texts and one.state == "right"
            else one
            for one in report.findings
        )
    )


async def _apply(admin: Any, topics: list[Topic]) -> dict[str, str]:
    """Gives topics the settings that may be changed at any time; what was changed, by topic."""
    entries = await _entries(admin, [topic.name for topic in topics])
    changed: dict[str, str] = {}
    resources = []
    for topic in topics:
        held = {entry: value for entry, value, *_ in entries.get(topic.name, ())}
        # The embedded broker, which takes no changes, marks none as the topic's own.
        own = {
            entry: value for entry, value, _, source, *_ in entries.get(topic.name, ()) if source == _DYNAMIC
        }
        other = {
            name: value
            for name, value in topic.settings.items()
            if name in _APPLIED and held.get(name, value) != value
            if name not in own or (name == "retention.ms" and topic.aged)
        }
        if other and own:  # a request replaces all that are its own
            resources.append(ConfigResource(ConfigResourceType.TOPIC, topic.name, {**own, **other}))
            changed[topic.name] = ", ".join(f"{name}={value}" for name, value in other.items())
    if resources:
        for response in await admin.alter_configs(resources):
            for code, message, _, name in response.resources:
                if code:
                    raise StartError(
                        f"topic {name} could not be changed: {message or for_code(code).__name__}"
                    )
    return changed


def _uncreated(report: Report) -> Report:
    """The report where numbers of partitions differ: making more, for good, would leave no way back."""
    text = "missing, and not created before the others have the right number of partitions"
    return Report(
        tuple(replace(one, text=text) if one.state == "missing" else one for one in report.findings)
    )


async def check(kafka: str, prefix: str, partitions: int) -> Report:
    """Checks the topics and changes nothing."""
    async with admin_of(kafka) as admin:
        return await _check(admin, prefix, partitions)


@asynccontextmanager
async def admin_of(kafka: str) -> AsyncIterator[Any]:
    """An admin client that is closed again."""
    client = AIOKafkaAdminClient(**connection(kafka))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


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
    return {
        name: value
        for name, entries in (await _entries(admin, names)).items()
        for entry, value, *_ in entries
        if entry == "cleanup.policy" and value
    }


async def _entries(admin: Any, names: list[str]) -> dict[str, list[Any]]:
    if not names:
        return {}
    # No filter by entry: the embedded broker hangs up on one.
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    responses = await admin.describe_configs(resources)
    return {name: entries for one in responses for _code, _message, _kind, name, entries in one.resources}


async def settings_of(admin: Any, name: str) -> dict[str, str]:
    """The settings of a topic, as far as the broker tells them."""
    return {entry: value for entry, value, *_ in (await _entries(admin, [name])).get(name, ())}
