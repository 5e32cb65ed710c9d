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
from deploy.cli import app
from scorer.times import Micros
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
