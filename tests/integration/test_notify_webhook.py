"""Signed webhooks against a receiver that verifies them; chat by Apprise."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from starlette.responses import Response, StreamingResponse

from connectors.notify.chat import ChatSender
from connectors.notify.errors import DeliveryError
from connectors.notify.messages import Writer
from connectors.notify.webhook import WebhookSender
from connectors.outward.addresses import Allowed
from connectors.outward.client import OutwardClient
from deploy.ports import free_ports
from scorer.times import Micros
from tests.unit.test_notify_messages import alert
from tests.webhook_receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
MESSAGE = Writer("fr").write(alert())
LOCAL = Allowed.parse("127.0.0.1")
NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


def sender_to(receiver: Receiver, timeout_s: float = 10, allowed: Allowed = LOCAL) -> WebhookSender:
    client = OutwardClient(allowed, total_s=timeout_s)
    return WebhookSender(receiver.url, SECRET, client, lambda: Micros(round(NOW.timestamp() * 1_000_000)))


async def test_a_receiver_verifies_what_it_is_sent() -> None:
    async with receiving(Receiver(SECRET)) as receiver:
        sender = sender_to(receiver)
        await sender.send(alert(), MESSAGE)
        await sender.close()
    (told,) = receiver.taken
    assert receiver.attempts == ["f00"]
    assert (told["type"], told["timestamp"]) == ("lead.alert", "2026-11-01T09:00:00Z")
    assert told["data"]["reasons"][0]["label"] == {"fr": "Page tarifs", "en": "Pricing page"}
    assert told["data"]["traits"]["employees"] == 9


@pytest.mark.parametrize(
    ("status", "retriable", "gone"),
    [(301, False, False), (302, False, False), (308, False, False), (410, False, True)]
    + [(status, True, False) for status in (400, 401, 404, 429, 500, 502, 503, 504)],
)
async def test_an_answer_says_whether_another_attempt_makes_sense(
    status: int, retriable: bool, gone: bool
) -> None:
    async with receiving(Receiver(SECRET, always=status)) as receiver:
        sender = sender_to(receiver)
        with pytest.raises(DeliveryError, match=f"the receiver answered {status}") as failed:
            await sender.send(alert(), MESSAGE)
        await sender.close()
    assert (failed.value.retriable, failed.value.gone) == (retriable, gone)
    assert failed.value.retry_after_s is None
    assert ("channels file" in str(failed.value)) == (status < 400)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("120", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
    ],
    ids=["seconds", "date", "past", "words", "negative"],
)
async def test_a_receiver_says_how_long_to_wait(told: str, seconds: float | None) -> None:
    answers = [Response(status_code=503, headers={"retry-after": told})]
    async with receiving(Receiver(SECRET, answers=answers)) as receiver:
        sender = sender_to(receiver)
        with pytest.raises(DeliveryError) as failed:
            await sender.send(alert(), MESSAGE)
        await sender.close()
    assert failed.value.retry_after_s == seconds


async def test_an_absent_receiver_and_one_that_never_answers_may_be_tried_again() -> None:
    receiver = Receiver(SECRET, hold=asyncio.Event())
    sender = sender_to(receiver, timeout_s=0.5)
    with pytest.raises(DeliveryError, match="no answer: ConnectError") as failed:
        await sender.send(alert(), MESSAGE)
    assert failed.value.retriable
    async with receiving(receiver):
        with pytest.raises(DeliveryError, match=r"no answer within 0\.5 s") as failed:
            await sender.send(alert(), MESSAGE)
        assert failed.value.retriable
        assert receiver.hold is not None
        receiver.hold.set()
        await sender.close()


async def test_a_receiver_in_a_private_network_must_be_allowed() -> None:
    async with receiving(Receiver(SECRET)) as receiver:
        sender = sender_to(receiver, allowed=Allowed())
        with pytest.raises(DeliveryError, match="LEADHEAT_ALLOW_PRIVATE") as failed:
            await sender.send(alert(), MESSAGE)
        await sender.close()
    assert not failed.value.retriable
    assert receiver.attempts == []


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
        sender = sender_to(receiver)
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
        sender = ChatSender(f"json://127.0.0.1:{receiver.port}/hook", LOCAL)
        await sender.send(alert(), MESSAGE)
        await sender.close()
    assert "passe en chaud" in received[0].decode("unicode-escape")
    sender = ChatSender(f"json://127.0.0.1:{free_ports(1)[0]}/hook", LOCAL)
    with pytest.raises(DeliveryError, match="did not take the message"):
        await sender.send(alert(), MESSAGE)


async def test_a_chat_follows_no_redirect_and_goes_to_no_private_network() -> None:
    receiver = Receiver(SECRET)
    elsewhere = Receiver(SECRET)
    heard: list[str] = []

    async def redirect(request: object) -> Response:
        heard.append("here")
        return Response(status_code=307, headers={"location": elsewhere.url})

    async def there(request: object) -> Response:
        heard.append("there")
        return Response(status_code=200)

    receiver.receive = redirect  # type: ignore[method-assign]
    elsewhere.receive = there  # type: ignore[method-assign]
    async with receiving(receiver), receiving(elsewhere):
        for allowed in (LOCAL, Allowed()):
            sender = ChatSender(f"json://127.0.0.1:{receiver.port}/hook", allowed)
            with pytest.raises(DeliveryError):
                await sender.send(alert(), MESSAGE)
            await sender.close()
    assert heard == ["here"]


async def test_mails_do_not_wait_for_one_another() -> None:
    came: list[str] = []

    class Mailbox:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
            came.append(envelope.content.decode())
            return "250 OK"

    (port,) = free_ports(1)
    mail = Controller(Mailbox(), hostname="127.0.0.1", port=port)
    mail.start()
    try:
        sender = ChatSender(f"mailto://127.0.0.1:{port}?from=a@leadheat.example&to=b@x.example", LOCAL, 8)
        assert sender.lanes == 8
        assert all(plugin.request_rate_per_sec == 0 for plugin in sender._apprise)
        await asyncio.gather(*(sender.send(alert(), MESSAGE) for _ in range(3)))
        await sender.close()
    finally:
        mail.stop()
    assert len(came) == 3
    assert ChatSender("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", LOCAL, 8).lanes == 1
