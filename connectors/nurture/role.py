"""`leadheat nurture`: a member of its group, from the first connection to the clean stop."""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from aiokafka.errors import KafkaError

from connectors.durable.erasures import Erasures
from connectors.durable.errors import OvertakenError
from connectors.durable.member import Member
from connectors.durable.table import Table
from connectors.ingest.link_tokens import LinkKeys
from connectors.nurture.config import NurtureConfig
from connectors.nurture.letter import Writer
from connectors.nurture.plan_reader import EVENT_TOPICS
from connectors.nurture.publisher import Publisher
from connectors.nurture.suppressed import Suppressed
from connectors.nurture.work import Nurture
from connectors.role import metrics_on, rest, started, until_told
from connectors.watched_file import until_changed
from scorer.topics import ALERTS, NURTURING, SCORES, full_name

_READ: Final = (ALERTS, SCORES, *EVENT_TOPICS)
_log: Final = logging.getLogger(__name__)


async def run(config: NurtureConfig) -> None:
    """Until SIGTERM or SIGINT."""
    await until_told(lambda stop: nurture(config, stop))


async def nurture(config: NurtureConfig, stop: asyncio.Event) -> None:
    """Until `stop`."""
    publisher = Publisher(config.kafka, config.topic_prefix, config.clock)
    with metrics_on(config.metrics_port):
        try:
            if await started(publisher.start, stop):
                await _go_on(config, publisher, stop)
        finally:
            await publisher.stop()


async def _go_on(config: NurtureConfig, publisher: Publisher, stop: asyncio.Event) -> None:
    """Until `stop`; begins anew with each new plan."""
    file = config.plan_file
    while not stop.is_set():
        async with until_changed([] if file is None else [file], stop) as ended:
            now = config if file is None else replace(config, plan=file.said)
            while not ended.is_set():
                await _work_on(now, publisher, ended)


async def _work_on(config: NurtureConfig, publisher: Publisher, stop: asyncio.Event) -> None:
    """Until `stop`, or something that is best begun anew: a broker away, another member at our partitions."""
    try:
        await _work(config, publisher, stop)
    except (KafkaError, OvertakenError, OSError) as error:
        _log.warning("nurturing begins anew: %s", type(error).__name__)
        await rest(stop)


async def _work(config: NurtureConfig, publisher: Publisher, stop: asyncio.Event) -> None:
    topic = full_name(config.topic_prefix, NURTURING)
    table = Table(config.kafka, topic, "leadheat-nurture", config.clock)
    erasures = Erasures(config.kafka, config.topic_prefix, config.erasure_key)
    suppressed = Suppressed(config.kafka, config.topic_prefix, config.erasure_key)
    writer = Writer(config.plan, LinkKeys(config.link_keys), config.gateway_url, suppressed.hash_of)
    carrier = config.carrier()
    topics = [full_name(config.topic_prefix, name) for name in _READ]
    group = f"{config.topic_prefix}-nurture"
    member = Member(config.kafka, group, topics, table, erasures, config.session_timeout_s)
    work = Nurture(
        config.plan,
        table,
        suppressed,
        writer,
        carrier,
        publisher,
        config.clock,
        config.at_once,
        lambda: member.current,
        erasures.gone,
    )
    try:
        await table.start()
        await erasures.start()
        await suppressed.start()
        _log.info("nurturing by %s: %d sequences, %d surveys", config.plan.name, len(config.plan.sequences),
                  len(config.plan.surveys))  # fmt: skip
        await member.run(work, stop)
    finally:
        await work.close()
        await carrier.close()
        await suppressed.stop()
        await erasures.stop()
        await table.stop()
