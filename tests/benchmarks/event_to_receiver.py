"""From an HTTP request with one event to whoever is told of the lead: through gateway, worker and notify.

The receivers check what they get, each in its own manner, before it counts: a webhook's signature, by the
library that receivers use; the shapes of Slack's and Teams' messages; a mail's parts, at a real SMTP server.
"""

import base64
import contextlib
import email
import email.policy
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import msgspec
from aiosmtpd.controller import Controller
from starlette.requests import Request
from starlette.responses import Response

from deploy.ports import free_ports
from streams import topics
from tests.benchmarks.arrivals import Arrivals, percentiles
from tests.benchmarks.http_load import OpenLoop
from tests.benchmarks.roles import running, until_ready
from tests.benchmarks.running import BenchmarkError
from tests.chat_receiver import Chats, chatting
from tests.webhook_receiver import Receiver, receiving

RECEIVERS: Final = ("webhook", "slack", "teams", "mail")
PARTITIONS: Final = 8
GRID: Final = """
grid: delivery
version: 1
scores: {engagement: {min: 0, max: 100}}
half_life: 7d
criteria: [{id: demo, score: engagement, points: 80, event: demo_requested}]
tiers: [{id: cold}, {id: hot, from: 70}]
plays: [{id: call, when: {enters: hot}, do: [{alert: sales}]}]
"""
_PREFIX: Final = "event-to-receiver"
_KEY: Final = "wk_benchmark"
_SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
_LEAD: Final = re.compile(r"\blead-[0-9]+\b")
_FROM: Final = "leads@leadheat.example"
_TO: Final = "sales@acme.example"
_CONNECTIONS: Final = 8
_WITHIN_S: Final = 60.0


class _Webhook(Receiver):
    """Verifies the signature."""

    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__(_SECRET)
        self._arrivals = arrivals

    async def receive(self, request: Request) -> Response:
        answer = await super().receive(request)
        data = self.taken[-1]["data"]
        _require(data["id"] == request.headers["webhook-id"] and data["to"] == "hot", "webhook", data)
        self._arrivals.note("webhook", data["lead_id"])
        return answer


class _Chats(Chats):
    """Refuse what has not their shape."""

    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__()
        self._arrivals = arrivals

    async def take_slack(self, request: Request) -> Response:
        answer = await super().take_slack(request)
        _require(answer.status_code == 200, "slack", await request.body())
        self._arrivals.note("slack", _lead(self.slack[-1]["blocks"][0]["text"]["text"]))
        return answer

    async def take_teams(self, request: Request) -> Response:
        answer = await super().take_teams(request)
        _require(answer.status_code == 202, "teams", await request.body())
        self._arrivals.note("teams", _lead(self.teams[-1]["body"][0]["inlines"][0]["text"]))
        return answer


class _Mails:
    """Takes mails with text and HTML."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        parts = [message.get_body((kind,)) for kind in ("plain", "html")]
        leads = {_lead(part.get_content()) for part in parts if part is not None}
        good = envelope.mail_from == _FROM and envelope.rcpt_tos == [_TO] and message["Message-ID"]
        _require(all(parts) and leads == {_lead(message["Subject"])} and good, "mail", envelope.content)
        self._arrivals.note("mail", *leads)
        return "250 OK"


def _require(good: object, destination: str, told: object) -> None:
    if not good:
        raise BenchmarkError(f"{destination} was told {told!r}")


def _lead(text: str) -> str:
    found = _LEAD.search(text)
    _require(found, "somebody", text)
    assert found is not None
    return found[0]


@contextlib.asynccontextmanager
async def _listening(arrivals: Arrivals) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """The receivers; the channels file and the mail server's address that lead to them."""
    (port,) = free_ports(1)
    mails = Controller(_Mails(arrivals), hostname="127.0.0.1", port=port)
    webhook = _Webhook(arrivals)
    async with receiving(webhook), chatting(_Chats(arrivals)) as chats:
        mails.start()
        try:
            sales = [
                {"webhook": webhook.url, "secret": _SECRET},
                {"slack": chats.url("slack")},
                {"teams": chats.url("teams")},
                {"mail": [_TO]},
            ]
            yield {"sales": sales}, f"smtp+plain://127.0.0.1:{port}"
        finally:
            mails.stop()


@contextlib.contextmanager
def _roles(bootstrap: str, channels: dict[str, Any], smtp: str) -> Iterator[int]:
    """Gateway, worker and notify; the gateway's port."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "grid.yml").write_text(GRID, encoding="utf-8")
        (folder / "channels.yml").write_text(json.dumps(channels), encoding="utf-8")
        settings = {
            "LEADHEAT_KAFKA": bootstrap,
            "LEADHEAT_TOPIC_PREFIX": _PREFIX,
            "LEADHEAT_PARTITIONS": str(PARTITIONS),
            "LEADHEAT_GRID": str(folder / "grid.yml"),
            "LEADHEAT_CHANNELS": str(folder / "channels.yml"),
            "LEADHEAT_WRITE_KEYS": _KEY,
            "LEADHEAT_SESSION_TIMEOUT_S": "6",
            "LEADHEAT_SMTP": smtp,
            "LEADHEAT_MAIL_FROM": _FROM,
            "LEADHEAT_ALLOW_PRIVATE": "127.0.0.1",
        }
        with running(folder, settings, ["gateway", "--port", str(port)], ["worker"], ["notify"]):
            yield port


class _Leads:
    """Leads that turn hot with their first event, one a request."""

    def __init__(self, client: OpenLoop, arrivals: Arrivals) -> None:
        self._client = client
        self._arrivals = arrivals
        self._count = 0

    async def turn_hot(self, rate: float, seconds: float) -> dict[str, dict[str, float]]:
        """So many a second; the milliseconds from when each request was due until each receiver had it."""
        leads = [f"lead-{self._count + number}" for number in range(round(rate * seconds))]
        self._count += len(leads)
        events = [{"type": "demo_requested", "lead_id": lead} for lead in leads]
        await self._client.connect(_CONNECTIONS)
        due = list(await self._client.send([msgspec.json.encode(one) for one in events], 1 / rate))
        await self._arrivals.all_of([(name, lead) for name in RECEIVERS for lead in leads], _WITHIN_S)
        came = self._arrivals.first
        return {
            name: percentiles([came[name, lead] - at for lead, at in zip(leads, due, strict=True)])
            for name in RECEIVERS
        }


async def measure(bootstrap: str, rate: float, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Round after round; BenchmarkError where a receiver has not got every alert once, and right."""
    await topics.ensure(bootstrap, _PREFIX, PARTITIONS, 1)
    arrivals = Arrivals()
    async with _listening(arrivals) as (channels, smtp):
        with _roles(bootstrap, channels, smtp) as port:
            await until_ready(port)
            headers = {"Authorization": f"Bearer {_KEY}", "Content-Type": "application/json"}
            with contextlib.closing(OpenLoop("127.0.0.1", port, "/v1/events", headers)) as client:
                leads = _Leads(client, arrivals)
                await leads.turn_hot(5, 2)  # until the first ones have come all is not ready
                rows = [await leads.turn_hot(rate, seconds) for _ in range(rounds)]
        arrivals.each_once()
    return rows
