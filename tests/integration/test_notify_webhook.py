"""Signed webhooks against a receiver that verifies them; retries; chat by Apprise."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from starlette.responses import Response, StreamingResponse

from connectors.notify.chat import ChatSender
from connectors.notify.config import NotifyConfig
from connectors.notify.errors import DeliveryError
from connectors.notify.messages import message_of
from connectors.notify.retries import Retries
from connectors.notify.webhook import WebhookSender
from deploy.ports import free_ports
from scorer.times import Micros
from tests.unit.test_notify_messages import alert
from tests.webhook_receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
MESSAGE = message_of(alert(), "fr", None)


def config(**settings: object) -> NotifyConfig:
    given: dict[str, object] = {
        "first_delay_s": 0.001,
        "longest_delay_s": 0.002,
        "attempts": 4,
        "timeout_s": 10.0,
    }
    return NotifyConfig("", "t", Path(), lambda: Micros(0), **(given | settings))  # type: ignore[arg-type]


async def deliver(sender: WebhookSender, patience: Retries) -> tuple[int, int]:
    """Attempts that it took, retries that were counted."""
    retried: list[None] = []
    attempts = await patience.deliver(lambda: sender.send(alert(), MESSAGE), lambda: retried.append(None))
    return attempts, len(retried)


async def test_a_receiver_verifies_what_it_is_sent() -> None:
    async with receiving(Receiver(SECRET)) as receiver:
        sender = WebhookSender(receiver.url, SECRET, 10)
        await sender.send(alert(), MESSAGE)
        await sender.close()
    (told,) = receiver.taken
    assert receiver.attempts == ["f00"]
    assert (told["type"], told["timestamp"]) == ("lead.alert", "2026-11-01T09:00:00Z")
    assert told["data"]["reasons"][0]["label"] == {"fr": "Page tarifs", "en": "Pricing page"}
    assert told["data"]["traits"]["employees"] == 9


async def test_a_receiver_that_fails_and_recovers_gets_it_under_the_same_id() -> None:
    receiver = Receiver(SECRET, answers=[Response(status_code=500), Response(status_code=429)])
    async with receiving(receiver):
        sender = WebhookSender(receiver.url, SECRET, 10)
        assert await deliver(sender, Retries(config(), "webhook")) == (3, 2)
        await sender.close()
    assert receiver.attempts == ["f00"] * 3
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("dated", [False, True])
async def test_a_wait_that_the_receiver_asks_for_is_granted(dated: bool) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    asked = format_datetime(until, usegmt=True) if dated else "1"
    receiver = Receiver(SECRET, answers=[Response(status_code=503, headers={"retry-after": asked})])
    async with receiving(receiver):
        sender = WebhookSender(receiver.url, SECRET, 10)
        started = time.monotonic()
        await deliver(sender, Retries(config(), "webhook"))
        waited = time.monotonic() - started
        await sender.close()
    # a lower bound that holds on any machine: the date's fraction of a second is cut off
    assert waited >= (0 if dated else 1)
    assert not dated or datetime.now(UTC) >= until.replace(microsecond=0)


@pytest.mark.parametrize("status", [301, 400, 404, 410])
async def test_a_refusal_that_will_not_change_is_not_tried_again(status: int) -> None:
    receiver = Receiver(SECRET, always=status)
    async with receiving(receiver):
        sender = WebhookSender(receiver.url, SECRET, 10)
        with pytest.raises(DeliveryError, match=f"the receiver answered {status}"):
            await deliver(sender, Retries(config(), "webhook"))
        await sender.close()
    assert len(receiver.attempts) == 1


async def test_an_absent_receiver_is_given_up_and_then_tried_once_only() -> None:
    receiver = Receiver(SECRET)
    sender = WebhookSender(receiver.url, SECRET, 10)
    patience = Retries(config(), "webhook")
    with pytest.raises(DeliveryError, match="no answer from the receiver: ConnectError"):
        await deliver(sender, patience)
    retried: list[None] = []
    with pytest.raises(DeliveryError):
        await patience.deliver(lambda: sender.send(alert(), MESSAGE), lambda: retried.append(None))
    assert retried == []
    async with receiving(receiver):
        assert await deliver(sender, patience) == (1, 0)
    with pytest.raises(DeliveryError):
        await patience.deliver(lambda: sender.send(alert(), MESSAGE), lambda: retried.append(None))
    assert len(retried) == config().attempts - 1  # it had answered in between
    await sender.close()


async def test_a_receiver_that_never_answers_is_no_wait_for_ever() -> None:
    async with receiving(Receiver(SECRET, hold=asyncio.Event())) as receiver:
        sender = WebhookSender(receiver.url, SECRET, 10)
        with pytest.raises(DeliveryError, match=r"no answer within 0\.05 s"):
            await deliver(sender, Retries(config(attempts=1, timeout_s=0.05), "webhook"))
        await sender.close()
        assert receiver.hold is not None
        receiver.hold.set()


async def test_an_answer_that_never_ends_is_taken_by_its_status() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)

    async def silent() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    answers: list[Response] = [StreamingResponse(endless()), StreamingResponse(silent())]
    async with receiving(Receiver(SECRET, answers=answers)) as receiver:
        sender = WebhookSender(receiver.url, SECRET, 10)
        for _ in range(2):
            async with asyncio.timeout(8):
                await sender.send(alert(), MESSAGE)
        await sender.close()
    assert len(receiver.attempts) == 2


async def test_a_chat_gets_the_text_and_its_absence_is_an_error() -> None:
    received: list[bytes] = []

    async def receive(request: object) -> Response:
        received.append(await request.body())  # type: ignore[attr-defined]
        return Response(status_code=200)

    receiver = Receiver(SECRET)
    receiver.receive = receive  # type: ignore[method-assign]
    async with receiving(receiver):
        sender = ChatSender(f"json://127.0.0.1:{receiver.port}/hook")
        await sender.send(alert(), MESSAGE)
        await sender.close()
    assert "passe en chaud" in received[0].decode("unicode-escape")
    sender = ChatSender(f"json://127.0.0.1:{free_ports(1)[0]}/hook")
    with pytest.raises(DeliveryError, match="did not take the message"):
        await sender.send(alert(), MESSAGE)
