"""The lease ends before others take over; nothing is sent without it, nor beside another writer."""

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from aiokafka.protocol.produce import ProduceRequest
from faust.types import TP

from streams.batching import producer
from streams.batching.lease import Lease
from streams.batching.producer import GuardedProducer
from streams.batching.sole_writer import LATE_S, SoleWriter
from streams.errors import StalledError


class Ended(Exception):
    """In place of the process's end."""


def end(error: Exception) -> NoReturn:
    raise Ended(str(error)) from error


def lease(clock: list[float]) -> Lease:
    return Lease(10.0, end, lambda: clock[0])


def test_holds_from_the_sending_of_the_last_heartbeat_that_was_answered() -> None:
    clock = [100.0]
    held = lease(clock)
    assert not held.holds()
    held.heard(0, 100.0)
    clock[0] = 106.9
    assert held.holds()
    held.heard(27, 101.0)  # others join: the partitions stay until all have
    clock[0] = 108.1
    assert not held.holds()
    held.heard(15, 108.0)  # the coordinator is away
    assert not held.holds()


def test_ends_the_process_before_what_is_on_its_way_can_arrive_too_late() -> None:
    clock = [0.0]
    held = lease(clock)
    held.heard(0, 0.0)
    clock[0] = 30.0
    held.look()  # nothing is on its way: Kafka may be away for as long as it likes
    clock[0], held.on_their_way = 8.4, 1
    held.look()
    clock[0] = 8.6
    with pytest.raises(Ended, match=r"for 8\.6 s, with records on their way"):
        held.look()


@pytest.mark.parametrize("code", [22, 25, 82])
def test_ends_the_process_where_the_group_went_on_without_it(code: int) -> None:
    with pytest.raises(Ended, match="its partitions may belong to another worker"):
        lease([0.0]).heard(code, 0.0)


class Client:
    """An aiokafka client as far as it is asked."""

    def __init__(self, code: int = 0, takes_s: float = 0.0, clock: list[float] | None = None) -> None:
        self.code, self.takes_s, self.clock = code, takes_s, clock
        self.sent: list[Any] = []
        self._conns: dict[Any, Any] = {}

    async def ready(self, node: int, group: Any = None) -> bool:
        return True

    async def send(self, node: int, request: Any, *, group: Any = None) -> Any:
        self.sent.append(request)
        if self.clock:
            self.clock[0] += self.takes_s
        return SimpleNamespace(error_code=self.code)


async def test_counts_from_when_a_heartbeat_was_sent_not_answered() -> None:
    clock = [0.0]
    held, client = lease(clock), Client(takes_s=5.0, clock=clock)
    held.watch(client)
    await client.send(0, HeartbeatRequest("group", 1, "member"))
    clock[0] = 6.9
    assert held.holds()
    clock[0] = 7.1
    assert not held.holds()


async def test_begins_with_the_assignment() -> None:
    held, client = lease([0.0]), Client()
    held.watch(client)
    await client.send(0, SyncGroupRequest("group", 1, "member", None, []))
    assert held.holds()
    refused = Client(code=25)
    held.watch(refused)
    await refused.send(0, SyncGroupRequest("group", 1, "member", None, []))  # it joins again


async def test_says_what_keeps_it_from_joining() -> None:
    held, client = lease([0.0]), Client(code=26)
    held.watch(client)
    with pytest.raises(Ended, match="LEADHEAT_SESSION_TIMEOUT_S is not between"):
        await client.send(0, JoinGroupRequest("group", 1_000, 60_000, "", "", "consumer", []))


async def test_does_not_leave_the_group_unasked() -> None:
    held, client = lease([0.0]), Client()
    held.watch(client)
    with pytest.raises(Ended, match="nothing was fetched for too long"):
        await client.send(0, LeaveGroupRequest("group", "member"))
    held.leaving = True
    await client.send(0, LeaveGroupRequest("group", "member"))
    assert len(client.sent) == 1


def guarded(held: Lease, client: Client, sole_writer: SoleWriter) -> Any:
    """The guard of a producer, on a client and a sender that only remember."""

    async def produce(node: int, batches: Any) -> None:
        """Sends nothing: the batches' futures are the test's."""

    aiokafka_producer: Any = GuardedProducer.__new__(GuardedProducer)
    aiokafka_producer._closed = True
    aiokafka_producer.client = client
    aiokafka_producer._sender = SimpleNamespace(_send_produce_req=produce)
    return aiokafka_producer.guard(held, sole_writer)


async def test_what_was_handed_over_before_a_stop_waits_for_the_lease() -> None:
    clock = [0.0]
    held, client = lease(clock), Client()
    guarded(held, client, SoleWriter("states", {}))
    request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=1, topics=[])
    sending = asyncio.create_task(client.send(0, request))
    for _ in range(10):
        await asyncio.sleep(0)
    assert client.sent == []
    held.heard(0, 0.0)
    await sending
    assert client.sent == [request]


def batch(first: int, records: int, tries: int = 1) -> Any:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answer.set_result(SimpleNamespace(offset=first))
    return SimpleNamespace(retry_count=tries, record_count=records, future=answer)


async def test_ends_the_process_where_another_writes_the_same_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "die", end)
    sole_writer = SoleWriter("states", {0: 100})
    sender = guarded(lease([0.0]), Client(), sole_writer)._sender
    states, scores = TP("states", 0), TP("scores", 0)
    await sender._send_produce_req(0, {states: batch(100, 5), scores: batch(7, 1)})
    await sender._send_produce_req(0, {states: batch(105, 5), scores: batch(70, 1)})
    with pytest.raises(Ended, match=r"to states-0: it ended at offset 110, .* came to 111"):
        await sender._send_produce_req(0, {states: batch(111, 1)})


def test_its_own_records_may_be_there_twice() -> None:
    sole_writer = SoleWriter("states", {})
    sole_writer.acknowledged(3, 40, 2)
    sole_writer.sent_again(3, 5)
    sole_writer.acknowledged(3, 42, 5)  # the first try had not come
    sole_writer.acknowledged(3, 52, 1)  # it came late
    with pytest.raises(StalledError):
        sole_writer.acknowledged(3, 54, 1)


def test_what_was_sent_twice_is_no_excuse_for_ever() -> None:
    clock = [0.0]
    sole_writer = SoleWriter("states", {0: 10}, lambda: clock[0])
    sole_writer.sent_again(0, 5)
    sole_writer.acknowledged(0, 10, 5)
    clock[0] = LATE_S
    with pytest.raises(StalledError):
        sole_writer.acknowledged(0, 16, 1)
