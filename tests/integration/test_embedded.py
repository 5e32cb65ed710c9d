"""The embedded broker and store serve the protocols that they stand in for."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy import leash, ports
from deploy.embedded import broker, store
from deploy.errors import UnreachableError
from tests.integration.processes import until

pytestmark = pytest.mark.embedded


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        leash.command(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _answers(bootstrap: str) -> bool:
    try:
        ports.require_broker(bootstrap)
    except UnreachableError:
        return False
    return True


async def test_the_broker_keeps_records() -> None:
    [port] = ports.free_ports(1)
    address = f"{broker.HOST}:{port}"
    with _running(broker.command(port)):
        until(lambda: _answers(address))
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        await admin.create_topics([NewTopic("seen", 2, 1)])
        await admin.close()
        async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
            await producer.send_and_wait("seen", b"value", key=b"key")
        async with AIOKafkaConsumer(
            "seen", bootstrap_servers=address, auto_offset_reset="earliest"
        ) as consumer:
            record = await consumer.getone()
    assert (record.key, record.value) == (b"key", b"value")


async def test_the_store_answers_on_a_socket_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    socket = folder / "store.sock"
    with _running(store.command(folder)):
        until(socket.exists)
        await ports.require_store(store.url(folder))
        with redis.Redis.from_url(store.url(folder), decode_responses=True) as client:
            client.set("lead", "73.2")
            assert client.get("lead") == "73.2"
            assert client.config_get("save") == {"save": ""}
        assert socket.stat().st_mode & 0o077 == 0


async def test_an_absent_store_is_told_without_its_password() -> None:
    [port] = ports.free_ports(1)
    with pytest.raises(UnreachableError, match=f"no Redis answers at 127.0.0.1:{port}") as refused:
        await ports.require_store(f"redis://:canary@127.0.0.1:{port}/0")
    assert "canary" not in str(refused.value)


async def test_what_is_no_redis_url_is_told_so() -> None:
    with pytest.raises(UnreachableError, match="is no Redis URL"):
        await ports.require_store("localhost:6379")
