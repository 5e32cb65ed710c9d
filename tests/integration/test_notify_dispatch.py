"""Notify on a real broker: delivered, retried, parked, in order, once, and stopped cleanly."""

import asyncio
import base64
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import REGISTRY

from connectors.notify.config import NotifyConfig
from connectors.notify.copies import Copies
from connectors.notify.dispatch import dispatch
from connectors.notify.errors import ChannelsError
from connectors.outward.addresses import Allowed
from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from scorer.copies import HEADER
from scorer.times import Micros
from tests.integration.processes import until_async
from tests.kafka_fixtures import EmbeddedBroker
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.embedded

_TOPICS = ("alerts", "parked", "deliveries", "erasures")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PREFIX = "t"
START = 1_793_523_600_000_000  # 2026-11-01T09:00:00Z


class Clock:
    """A clock that stands until it is set forward."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Micros:
        return Micros(self.now)

    async def until(self, condition: Callable[[], bool], step_s: float) -> None:
        """Goes forward by steps until a condition holds."""

        def stepping() -> bool:
            self.now += round(step_s * 1_000_000)
            return condition()

        await until_async(stepping)


class Topics:
    """The broker as the worker sees it: it takes alerts, and shows what was parked."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        await admin.create_topics([NewTopic(f"{PREFIX}.{name}", 2, 1) for name in _TOPICS])
        await admin.close()

    async def delete(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        await admin.delete_topics([f"{PREFIX}.{name}" for name in _TOPICS])
        await admin.close()

    async def publish(
        self, *values: bytes | None, lead: str = "u-1", headers: list[tuple[str, bytes]] | None = None
    ) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.address, acks="all") as producer:
            for value in values:
                await producer.send_and_wait(
                    f"{PREFIX}.alerts", value, key=lead.encode(), headers=headers or []
                )

    async def parked(self, count: int) -> list[dict[str, Any]]:
        consumer = AIOKafkaConsumer(
            f"{PREFIX}.parked", bootstrap_servers=self.address, auto_offset_reset="earliest"
        )
        async with asyncio.timeout(30), consumer:
            return [json.loads((await consumer.getone()).value) for _ in range(count)]

    async def committed(self) -> int:
        """Records that the group has dealt with, over both partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        parts = [TopicPartition(f"{PREFIX}.alerts", number) for number in range(2)]
        offsets = await admin.list_consumer_group_offsets(f"{PREFIX}-notify", partitions=parts)
        await admin.close()
        return sum(max(0, one.offset) for one in offsets.values())

    async def dealt_with(self, count: int) -> None:
        """Returns once the group has committed so many."""
        async with asyncio.timeout(30):
            while await self.committed() < count:
                await asyncio.sleep(0.05)


@pytest.fixture
async def topics(embedded_kafka: EmbeddedBroker) -> Topics:
    made = Topics(embedded_kafka.bootstrap)
    await made.create()
    return made


def alert(number: int, lead: str = "u-1", name: str = "sales") -> bytes:
    told = {
        "id": f"alert-{number}",
        "play": "call-now",
        "lead_id": lead,
        "from": "warm",
        "to": "hot",
        "score": 73.2,
        "at": "2026-11-01T09:00:00Z",
        "reasons": [{"criterion": "page", "label": {"fr": "Page", "en": "Page"}, "points": 28.9}],
        "do": [{"alert": name}, {"task": "call"}],
        "traits": {"company": "Acme"},
    }
    return json.dumps(told).encode()


def channels(folder: Path, **receivers: list[Receiver]) -> Path:
    """A channels file that leads each name to its receivers."""
    file = folder / "channels.yml"
    told = {
        name: [{"webhook": one.url, "secret": SECRET} for one in some] for name, some in receivers.items()
    }
    file.write_text(json.dumps(told))
    return file


@asynccontextmanager
async def notifying(topics: Topics, file: Path | None, **settings: Any) -> AsyncIterator[NotifyConfig]:
    """Notify runs until the end of the block, then stops by itself."""
    given = {
        "clock": lambda: Micros(START),
        "stop_within_s": 1.0,
        "allowed": Allowed.parse("127.0.0.1"),
        "session_timeout_s": 1.0,  # a join to the embedded broker lasts half of it
    }
    config = NotifyConfig(topics.address, PREFIX, file, **(given | settings))
    stop = asyncio.Event()
    running = asyncio.create_task(dispatch(config, stop))
    try:
        yield config
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await running


def counted(channel: str, result: str) -> float:
    return (
        REGISTRY.get_sample_value("leadheat_deliveries_total", {"channel": channel, "result": result}) or 0.0
    )


def reloads(result: str) -> float:
    told = {"file": "channels", "result": result}
    return REGISTRY.get_sample_value("leadheat_file_reloads_total", told) or 0.0


@pytest.mark.kafka
async def test_a_topic_that_kafka_did_not_tell_of_for_a_while_is_read_again_soon(
    real_kafka: Cluster, tmp_path: Path
) -> None:
    topics = Topics(real_kafka.bootstrap)
    await topics.create()
    async with (
        receiving(Receiver(SECRET)) as receiver,
        notifying(topics, channels(tmp_path, sales=[receiver]), session_timeout_s=6.0),
    ):
        await topics.publish(alert(1))
        await until_async(lambda: len(receiver.taken) == 1)
        await topics.delete()
        await asyncio.sleep(3)  # the group has shared out nothing by now
        await topics.create()
        await topics.publish(alert(2))
        await until_async(lambda: len(receiver.taken) == 2)


async def test_alerts_reach_their_channel_once_and_in_order(topics: Topics, tmp_path: Path) -> None:
    copies = counted("sales", "duplicate")
    async with receiving(Receiver(SECRET)) as receiver:
        file = channels(tmp_path, sales=[receiver])
        async with notifying(topics, file):
            await topics.publish(alert(1), alert(1), None, alert(2), alert(1), alert(3))
            await until_async(lambda: len(receiver.taken) == 3)
            await topics.publish(alert(2), alert(4))
            await until_async(lambda: len(receiver.taken) == 4)
        assert receiver.attempts == ["alert-1", "alert-2", "alert-3", "alert-4"]
        assert counted("sales", "duplicate") - copies == 3
        assert await topics.committed() == 8
        async with notifying(topics, file):  # what was committed does not come again
            await topics.publish(alert(5))
            await until_async(lambda: len(receiver.taken) == 5)
    assert receiver.attempts[4:] == ["alert-5"]


async def test_a_receiver_that_recovers_gets_everything_in_order(topics: Topics, tmp_path: Path) -> None:
    receiver, clock = Receiver(SECRET, always=503), Clock()
    async with receiving(receiver), notifying(topics, channels(tmp_path, sales=[receiver]), clock=clock):
        await topics.publish(alert(1), alert(2))
        await topics.dealt_with(2)  # it stands in rows what is left to do
        await clock.until(lambda: len(receiver.attempts) >= 3, 20.0)
        receiver.always = 204
        await clock.until(lambda: len(receiver.taken) == 2, 20.0)
    assert [told["data"]["id"] for told in receiver.taken] == ["alert-1", "alert-2"]


async def test_what_is_given_up_is_parked_with_its_reason(topics: Topics, tmp_path: Path) -> None:
    receiver = Receiver(SECRET, always=410)
    parked = counted("sales", "parked")
    async with receiving(receiver), notifying(topics, channels(tmp_path, sales=[receiver])):
        await topics.publish(alert(1), alert(2, name="support"), b"{broken")
        records = {one["id"]: one for one in await topics.parked(3)}
        await until_async(lambda: counted("sales", "parked") > parked)
    one = records["alert-1"]
    assert len(receiver.attempts) == 1
    assert (one["channel"], one["destination"], one["result"]) == ("sales", "webhook 127.0.0.1", "parked")
    assert one["reason"].startswith(
        "the receiver answered 410: disabled until its new address stands in the channels file"
    )
    assert one["at"] == "2026-11-01T09:00:00Z"
    assert one["alert"] == json.loads(alert(1))
    assert records["alert-2"]["reason"] == "no channel 'support' in the channels file: add it there"
    assert records[None]["reason"].startswith("the record is no alert")
    assert re.fullmatch(r"t\.alerts/[01]/2", records[None]["place"])
    assert records[None]["record"] == "{broken"
    assert await topics.committed() == 3


async def test_an_alert_that_cannot_be_told_stops_no_other(topics: Topics, tmp_path: Path) -> None:
    odd = json.loads(alert(1)) | {"next_tier": {"tier": "warm", "at": "soon"}}
    async with (
        receiving(Receiver(SECRET)) as receiver,
        notifying(topics, channels(tmp_path, sales=[receiver])),
    ):
        await topics.publish(json.dumps(odd).encode(), alert(2))
        await until_async(lambda: len(receiver.taken) == 1)
        (parked,) = await topics.parked(1)
        await topics.dealt_with(2)
    assert receiver.attempts == ["alert-2"]
    assert (parked["id"], parked["channel"]) == ("alert-1", "sales")
    assert parked["reason"] == "it cannot be told: ValueError"


async def test_a_slow_channel_holds_up_no_other(topics: Topics, tmp_path: Path) -> None:
    slow, quick = Receiver(SECRET, hold=asyncio.Event()), Receiver(SECRET)
    async with receiving(slow), receiving(quick):
        async with notifying(topics, channels(tmp_path, sales=[slow], support=[quick]), stop_within_s=0.1):
            await topics.publish(alert(0), *(alert(n, name="support") for n in range(1, 21)))
            await until_async(lambda: len(quick.taken) == 20)
            assert slow.taken == []
            await topics.dealt_with(21)  # that the first one of them is still to be sent stands in a row
        assert slow.hold is not None
        slow.hold.set()
        async with notifying(topics, channels(tmp_path, sales=[slow], support=[quick])):
            await until_async(lambda: len(slow.taken) == 2)  # the first one was cut off
    assert slow.attempts == ["alert-0", "alert-0"]


async def test_a_slow_lead_holds_up_no_other(topics: Topics, tmp_path: Path) -> None:
    receiver = Receiver(SECRET, answers=[])
    async with receiving(receiver), notifying(topics, channels(tmp_path, sales=[receiver]), lanes=3):
        for number in range(12):
            await topics.publish(alert(number, f"u-{number % 3}"), lead=f"u-{number % 3}")
        await until_async(lambda: len(receiver.taken) == 12)
    for lead in range(3):
        numbers = [int(name.removeprefix("alert-")) for name in receiver.attempts]
        assert [one for one in numbers if one % 3 == lead] == list(range(lead, 12, 3))


async def test_a_changed_file_is_in_force_without_a_restart_and_a_wrong_one_is_not(
    topics: Topics, tmp_path: Path
) -> None:
    async with receiving(Receiver(SECRET)) as before, receiving(Receiver(SECRET)) as after:
        file = channels(tmp_path, sales=[before])
        async with notifying(topics, file):
            await topics.publish(alert(1))
            await until_async(lambda: len(before.taken) == 1)
            refused = reloads("refused")
            file.write_text("sales: [konsole]")
            await until_async(lambda: reloads("refused") == refused + 1)
            await topics.publish(alert(2))
            await until_async(lambda: len(before.taken) == 2)
            taken = reloads("taken")
            channels(tmp_path, sales=[after])
            await until_async(lambda: reloads("taken") == taken + 1)
            await topics.publish(alert(3))
            await until_async(lambda: len(after.taken) == 1)
    assert (before.attempts, after.attempts) == (["alert-1", "alert-2"], ["alert-3"])


async def test_a_wrong_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "channels.yml"
    file.write_text("sales: [konsole]")
    config = NotifyConfig("127.0.0.1:1", PREFIX, file, lambda: Micros(0))
    with pytest.raises(ChannelsError, match=r"channels\.yml:1: sales\[0\]: expected `console`"):
        await dispatch(config, asyncio.Event())


async def test_the_process_prints_waits_for_its_broker_and_stops_at_sigterm(tmp_path: Path) -> None:
    broker = EmbeddedBroker()
    metrics_port = free_ports(1)[0]
    program = (
        "import asyncio, sys, time\n"
        "from connectors.notify.config import NotifyConfig\n"
        "from connectors.notify.dispatch import dispatch\n"
        "from connectors.role import until_told\n"
        "clock = lambda: time.time_ns() // 1000\n"
        "config = NotifyConfig(sys.argv[1], 't', None, clock, 'http://b', int(sys.argv[2]))\n"
        "asyncio.run(until_told(lambda stop: dispatch(config, stop)))\n"
    )
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, broker.bootstrap, str(metrics_port)),
            stdout=out,
            env={**os.environ, "COLUMNS": "90"},
        )
    try:
        broker.start()
        await Topics(broker.bootstrap).create()
        await Topics(broker.bootstrap).publish(alert(1))
        await until_async(lambda: "Acme" in printed.read_text())
        async with httpx.AsyncClient() as client:
            told = (await client.get(f"http://127.0.0.1:{metrics_port}/metrics")).text
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
        assert await Topics(broker.bootstrap).committed() == 1
    finally:
        if process.returncode is None:
            process.kill()
        broker.kill()
    assert "u-1 (Acme) passe en chaud : 73,2 points" in printed.read_text()
    assert "http://b/leads/u-1" in printed.read_text()
    assert 'leadheat_deliveries_total{channel="console",result="delivered"} 1.0' in told


async def test_a_copy_of_what_was_delivered_is_not_delivered_again(topics: Topics, tmp_path: Path) -> None:
    async with receiving(Receiver(SECRET)) as receiver:
        file = channels(tmp_path, sales=[receiver])
        async with notifying(topics, file):
            await topics.publish(alert(1), alert(2))
            await topics.dealt_with(2)
        async with notifying(topics, file):  # which remembers no ids
            await topics.publish(alert(1), headers=[(HEADER, b"0")])
            await topics.publish(alert(2), headers=[(HEADER, b"1")])
            await topics.publish(alert(3))
            await topics.publish(alert(3), headers=[(HEADER, b"4")])
            await topics.dealt_with(6)
    assert receiver.attempts == ["alert-1", "alert-2", "alert-3"]


@pytest.mark.parametrize(
    ("start", "had"), [(3, [False] * 3), (0, [False, True, False, True, False, True])], ids=["unread", "read"]
)
async def test_a_copy_counts_as_what_it_is_a_copy_of(start: int, had: list[bool]) -> None:
    async def committed(topic: str, partition: int) -> int:
        return 0

    copies = Copies(committed)
    log = [("x", []) if place % 2 == 0 else ("copy", [(HEADER, b"%d" % (place // 2))]) for place in range(6)]
    records = [
        SimpleNamespace(topic="t.alerts", partition=1, offset=offset, headers=headers)
        for offset, (_, headers) in enumerate(log)
    ]  # copies of what stands at 0 to 2: read first, or (from 3 on) deleted before that
    assert [await copies.had(record) for record in records[start:]] == had
