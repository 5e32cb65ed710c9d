"""A worker killed again and again counts every event once, and sends everything under the same ids."""

import asyncio
import signal
from collections import Counter

import pytest

from scorer.topics import ALERTS, SCORES
from tests.integration.counting_shard import ALERT_EVERY
from tests.streaming import Rig, TopicReader, producer_to

pytestmark = pytest.mark.slow

EVENTS = 60_000
LEADS = 1_000
KILLS = 5


def events_in(changelog: TopicReader) -> int:
    return sum(state["events"] for state in changelog.latest().values())


def names(counts: dict[str, int]) -> set[str]:
    """The alerts, and hand-overs, that so many events of each lead must make."""
    return {
        f"{lead}-{number}"
        for lead, count in counts.items()
        for number in range(ALERT_EVERY, count + 1, ALERT_EVERY)
    }


def settled(changelog: TopicReader, expected: dict[str, int]) -> bool:
    """Whether all events and all hand-overs are in the states, and nothing is left to be sent."""
    states = changelog.latest()
    handed = sum(len(state["handed"]) for state in states.values())
    return (
        sum(state["events"] for state in states.values()) >= sum(expected.values())
        and handed >= len(names(expected))
        and not any(state["outbox"] for state in states.values())
    )


async def check_all(rig: Rig, changelog: TopicReader, expected: dict[str, int]) -> Counter[str]:
    """Asserts that states, scores, hand-overs and alerts are the events'; how often each alert came."""
    states = changelog.latest()
    assert {lead: state["events"] for lead, state in states.items()} == expected
    assert {name for state in states.values() for name in state["handed"]} == names(expected)
    async with rig.read(SCORES) as scores:
        await scores.read_until(lambda read: read.latest() == expected)
    async with rig.read(ALERTS) as alerts:
        await alerts.read_until(lambda read: {r.value.decode() for r in read.records} >= names(expected))
        sent = Counter(record.value.decode() for record in alerts.records)
    assert set(sent) == names(expected)
    return sent


async def test_counts_once_whenever_it_is_killed(stored_rig: Rig) -> None:
    rig = stored_rig
    await rig.make_topics()
    worker = rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            sending = asyncio.create_task(rig.produce(producer, range(EVENTS // 2), LEADS))
            worker.start()
            for kill in range(1, KILLS + 1):
                counted = EVENTS // 2 * kill // (KILLS + 1)
                await changelog.read_until(lambda read, least=counted: events_in(read) >= least)
                worker.kill()
                worker.start()
            first = await sending
            second = await rig.produce(producer, range(EVENTS // 2, EVENTS), LEADS)
            expected = {lead: count + second[lead] for lead, count in first.items()}
            worker.wait_for("scoring partitions", count=2)
            worker.kill()  # in the middle of catching up
            worker.start()
            await changelog.read_until(lambda read: settled(read, expected), within_s=90)
            await check_all(rig, changelog, expected)
            assert worker.stop() == 0
    finally:
        worker.end()


async def test_goes_on_where_it_stopped(stored_rig: Rig) -> None:
    rig = stored_rig
    await rig.make_topics()
    worker = rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            expected: dict[str, int] = {}
            for first in range(0, 6_000, 2_000):
                worker.start()
                sent = await rig.produce(producer, range(first, first + 2_000), 100)
                expected = {lead: expected.get(lead, 0) + count for lead, count in sent.items()}
                await changelog.read_until(lambda read, all_of=expected: settled(read, all_of))
                assert worker.stop() == 0
            sent_alerts = await check_all(rig, changelog, expected)
            assert set(sent_alerts.values()) == {1}  # a stop in order repeats nothing
    finally:
        worker.end()


async def test_partitions_move_between_workers(stored_rig: Rig) -> None:
    rig = stored_rig
    await rig.make_topics()
    first, second = rig.worker(), rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            first.start()
            sending = asyncio.create_task(rig.produce(producer, range(EVENTS // 2), LEADS))
            await changelog.read_until(lambda read: events_in(read) > 0)
            second.start()  # joins: partitions move
            await asyncio.to_thread(second.wait_for, "scoring partitions [")
            half = await sending
            first.kill()  # its partitions go to the second
            rest = await rig.produce(producer, range(EVENTS // 2, EVENTS), LEADS)
            expected = {lead: count + rest[lead] for lead, count in half.items()}
            await changelog.read_until(lambda read: settled(read, expected), within_s=90)
            await check_all(rig, changelog, expected)
            assert second.stop() == 0
    finally:
        first.end()
        second.end()


@pytest.mark.embedded
async def test_a_worker_that_was_frozen_does_not_write_again(embedded_rig: Rig) -> None:
    rig = embedded_rig
    await rig.make_topics()
    frozen, other = rig.worker(), rig.worker()
    try:
        async with producer_to(rig.bootstrap) as producer, rig.read_changelog() as changelog:
            frozen.start()
            half = await rig.produce(producer, range(10_000), LEADS)
            await changelog.read_until(lambda read: events_in(read) > 0)
            frozen.process.send_signal(signal.SIGSTOP)
            other.start()  # the group gives it the partitions once the session has passed
            other.wait_for("scoring partitions [0, 1]")
            rest = await rig.produce(producer, range(10_000, 20_000), LEADS)
            frozen.process.send_signal(signal.SIGCONT)
            assert await asyncio.to_thread(frozen.process.wait, 30) == 1
            assert frozen.said("its partitions may belong to another worker") == 1
            expected = {lead: count + rest[lead] for lead, count in half.items()}
            await changelog.read_until(lambda read: settled(read, expected), within_s=90)
            await check_all(rig, changelog, expected)
            assert other.stop() == 0
    finally:
        frozen.end()
        other.end()
