"""`leadheat parked` on a broker: what it lists, and that what was asked for or let go is listed no more."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from connectors.notify.config import NotifyConfig
from connectors.notify.delivery import Delivery
from connectors.notify.parking import Parking
from connectors.sync.parking import PARKED, TopicParking, asked_again
from connectors.sync.publishing import Sender
from deploy.cli import app
from deploy.privacy.topic_log import partitions_of, read_all
from scorer.partitioner import partition_of
from scorer.times import Micros
from scorer.topics import full_name
from tests.integration.test_notify_dispatch import PREFIX, START, Topics, alert
from tests.kafka_fixtures import EmbeddedBroker

pytestmark = pytest.mark.embedded


@pytest.fixture
def topics(embedded_kafka: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topics]:
    made = Topics(embedded_kafka.bootstrap)
    asyncio.run(made.create())
    monkeypatch.setenv("LEADHEAT_KAFKA", made.address)
    monkeypatch.setenv("LEADHEAT_TOPIC_PREFIX", PREFIX)
    yield made


async def park(topics: Topics, *rows: Delivery) -> None:
    parking = Parking(NotifyConfig(topics.address, PREFIX, None, lambda: Micros(START)))
    await parking.start()
    for row in rows:
        await parking.park(row, 1, "the receiver answered 404, in 10 attempts")
    await parking.park_broken(0, "t.alerts/0/7", b"{[bold]broken", "the record is no alert")
    await parking.stop()


def delivery(number: int, channel: str) -> Delivery:
    at = "2026-11-01T09:00:00Z"
    return Delivery(
        f"alert-{number}", "retrying", channel, "webhook crm.example", f"u-{number}", "call-now", at, at, at,
        alert=msgspec.Raw(alert(number, f"u-{number}", channel)),
    )  # fmt: skip


def leadheat(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["parked", *arguments])
    return result.exit_code, result.output if result.exception is None else str(result.exception)


def listed(*more: str) -> list[dict[str, Any]]:
    status, told = leadheat("list", "--json", *more)
    assert status == 0
    return [json.loads(line) for line in told.splitlines()]


def test_parked_alerts_are_listed_asked_for_again_and_let_go(topics: Topics) -> None:
    assert leadheat("list") == (0, "nothing is parked\n")
    asyncio.run(park(topics, delivery(1, "sales"), delivery(2, "sales"), delivery(3, "support")))
    found = {one["alert"]: one for one in listed()}
    assert set(found) == {"alert-1", "alert-2", "alert-3", None}
    assert found["alert-1"] | {"id": ""} == {
        "id": "",
        "at": "2026-11-01T09:00:00Z",
        "channel": "sales",
        "destination": "webhook crm.example",
        "lead": "u-1",
        "alert": "alert-1",
        "play": "call-now",
        "place": None,
        "reason": "the receiver answered 404, in 10 attempts",
    }
    assert [one["alert"] for one in listed("--channel", "support")] == ["alert-3"]
    _, shown = leadheat("list")
    assert all(one["id"] in shown for one in found.values())
    assert "webhook crm.example" in shown and "u-2" in shown

    assert leadheat("retry")[0] == 2
    assert "nothing parked is called none-such" in leadheat("drop", "none-such")[1]
    assert "can only be dropped" in leadheat("retry", found[None]["id"])[1]
    assert leadheat("drop", "alert-2") == (0, "1 let go\n")
    assert leadheat("retry", "--channel", "sales") == (0, "1 asked for again\n")
    assert {one["alert"] for one in listed()} == {"alert-3", None}
    assert leadheat("retry", "--all") == (0, "1 asked for again\n")
    assert leadheat("drop", "--all") == (0, "1 let go\n")
    assert listed() == []
    asyncio.run(park(topics, delivery(1, "sales")))  # it could not be delivered after all
    assert {one["alert"] for one in listed()} == {"alert-1", None}


async def park_untold(topics: Topics, *leads: str) -> None:
    """What a CRM did not take."""
    sender = Sender(topics.address, PREFIX, lambda: Micros(START))
    await sender.start()
    for lead in leads:
        await TopicParking(sender).park(f"sync-{lead}", "hubspot", lead, "17", {}, "no such stage")
    await sender.stop()


async def asked_of_sync(topics: Topics) -> list[tuple[int, str, str]]:
    """Partition, lead and destination of what sync is asked for again."""
    records = [one async for one in read_all(topics.address, full_name(PREFIX, PARKED))]
    asked = [(one.partition, asked_again(one.value)) for one in records]
    return [(number, one.lead_id, one.destination) for number, one in asked if one is not None]


def test_what_a_crm_did_not_take_is_listed_asked_for_again_and_let_go(topics: Topics) -> None:
    asyncio.run(park_untold(topics, "u-7", "u-8"))
    found = {one["lead"]: one for one in listed("--channel", "sync")}
    assert set(found) == {"u-7", "u-8"}
    assert (found["u-7"]["destination"], found["u-7"]["reason"]) == ("hubspot", "no such stage")
    assert leadheat("drop", found["u-8"]["id"]) == (0, "1 let go\n")
    assert leadheat("retry", found["u-7"]["id"]) == (0, "1 asked for again\n")
    assert listed() == []
    count = len(asyncio.run(partitions_of(topics.address, full_name(PREFIX, PARKED))))
    assert asyncio.run(asked_of_sync(topics)) == [(partition_of(b"u-7", count), "u-7", "hubspot")]
