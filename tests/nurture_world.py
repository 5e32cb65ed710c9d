"""What tests of nurturing need: a plan, alerts and scores as the worker writes them, a mail server."""

import asyncio
import email.policy
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Final

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

from connectors.ingest.link_tokens import LinkKeys
from connectors.mail.smtp import SmtpAccess, SmtpCarrier
from connectors.nurture.letter import Writer
from connectors.nurture.plan import Plan
from connectors.nurture.plan_reader import parse_plan
from connectors.nurture.row import Row
from connectors.nurture.suppression import LIFTED, ORDER
from connectors.nurture.work import Nurture
from deploy.ports import free_ports
from scorer.times import Micros, format_time, parse_time
from scorer.topics import ALERTS, SCORES, topic_of

LINK_KEY: Final = "the link key of the tests"
GATEWAY: Final = "https://go.acme.example"
MONDAY: Final = parse_time("2026-11-02T09:00:00Z")

PLAN: Final = """
nurturing: test
sender: {address: claire@acme.example, name: Claire, reply_to: sales@acme.example, footer: Acme}
timezone: Europe/Paris
at_most: 2 a week
mails:
  hello:
    subject: "Bonjour {{ lead.first_name }}"
    text: "Voir {{ link('https://acme.example/a?x=1', 'ici') }}"
  guide: {subject: Guide, text: "{{ lead.company }} {{ link('https://acme.example/guide') }}"}
  bye: {subject: Au revoir, text: "Au revoir"}
  nps: {subject: Une note, text: "Votre note\\n\\n{{ scale }}"}
sequences:
  keep-warm:
    priority: 5
    exit: {tiers: [hot], events: [demo_requested]}
    again: 90d
    steps:
      - mail: hello
      - wait: 3d
      - if: {clicked: hello}
        then: [{mail: guide}]
        else: [{mail: bye}]
      - wait: 10d
      - mail: hello
        id: last
  cases:
    steps: [{mail: guide}, {wait: 1d}, {mail: bye}]
  urgent:
    priority: 9
    steps: [{mail: bye}]
surveys:
  delivery: {on: project_delivered, after: 2d, mail: nps}
"""


def plan(text: str = PLAN) -> Plan:
    """The plan of the tests, or another."""
    return parse_plan(text, "sequences.yml")


@dataclass(frozen=True)
class Record:
    """A Kafka record, as far as work looks at it."""

    topic: str
    key: bytes
    value: bytes | None
    timestamp: int
    offset: int = 0
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def alert(
    lead: str, at: int, do: list[dict[str, Any]], tier: str = "warm", traits: Mapping[str, Any] | None = None,
    name: str = "", **more: Any,
) -> Record:  # fmt: skip
    """An alert's record."""
    told = {
        "id": name or f"alert-{lead}-{at}", "play": "nurture", "lead_id": lead, "from": "hot", "to": tier,
        "score": 50.0, "at": format_time(at), "reasons": [], "do": do,
        "traits": {"email": f"{lead}@{lead}.example"} if traits is None else traits, **more,
    }  # fmt: skip
    return Record(f"leadheat.{ALERTS}", lead.encode(), json.dumps(told).encode(), at // 1_000)


def score(
    lead: str, at: int, tier: str = "warm", value: float = 50.0, traits: Mapping[str, Any] | None = None,
    identities: tuple[str, ...] = (),
) -> Record:  # fmt: skip
    """A score record's."""
    told = {
        "lead_id": lead, "score": value, "tier": tier, "as_of": format_time(at),
        "traits": {"email": f"{lead}@{lead}.example"} if traits is None else traits,
        "identities": [lead, *identities],
    }  # fmt: skip
    return Record(f"leadheat.{SCORES}", lead.encode(), json.dumps(told).encode(), at // 1_000)


def gone(lead: str, at: int) -> Record:
    """The record by which a lead's score is deleted."""
    return Record(f"leadheat.{SCORES}", lead.encode(), None, at // 1_000)


def lift(lead: str, at: int, *lifts: str, hashes: tuple[str, ...] = (), order: bool = True) -> Record:
    """The record of an order that mails may go again."""
    told = {"by": "claire", "reason": "asked by phone", "lifts": lifts, "address_hashes": hashes}
    record = event(LIFTED, lead, at, **told)
    return replace(record, headers=((ORDER, b""),)) if order else record


def event(of_type: str, lead: str, at: int, identity: str = "", **properties: Any) -> Record:
    """An event's record."""
    told = {
        "id": identity or f"{of_type}-{lead}-{at}", "type": of_type, "lead_id": lead, "time": format_time(at),
        "properties": properties,
    }  # fmt: skip
    topic = f"leadheat.{topic_of(of_type)}"
    return Record(topic, lead.encode(), json.dumps(told).encode(), at // 1_000)


class Clock:
    """A clock that shows what it was set to."""

    def __init__(self, now: int = MONDAY) -> None:
        self.now = Micros(now)

    def __call__(self) -> Micros:
        return self.now


class MemoryTable:
    """Rows without a broker."""

    def __init__(self) -> None:
        self.held: dict[int, dict[str, bytes]] = {0: {}}
        self.puts = 0

    @property
    def partitions(self) -> frozenset[int]:
        return frozenset(self.held)

    def rows(self, partition: int) -> Mapping[str, bytes]:
        return self.held[partition]

    async def put(self, partition: int, changes: Mapping[str, bytes | None]) -> None:
        self.puts += 1
        for key, row in changes.items():
            if row is None:
                self.held[partition].pop(key, None)
            else:
                self.held[partition][key] = row


class Addresses:
    """The list of addresses without mail, in memory."""

    def __init__(self) -> None:
        self.merged: dict[str, Row] = {}
        self.adopted: set[str] = set()
        self.hashes: set[tuple[str, int]] = set()

    def hash_of(self, address: str) -> str:
        return f"hash:{address.lower()}"

    def mark_of(self, lead: str) -> str:
        return f"mark:{lead}"

    def add(self, hashed: str, partition: int) -> None:
        self.hashes.add((hashed, partition))

    def lift(self, hashed: str, partition: int) -> None:
        self.hashes.discard((hashed, partition))

    def blocks(self, row: Row) -> bool:
        hashed = self.hash_of(str(row.facts.traits.get("email")))
        return any(one == hashed for one, _ in self.hashes)


@dataclass
class Published:
    """Events that were published."""

    events: list[dict[str, Any]] = field(default_factory=list)

    async def publish(self, of_type: str, lead: str, about: str, at: int, properties: dict[str, Any]) -> None:
        self.events.append({"type": of_type, "lead_id": lead, "about": about, "at": at, **properties})

    def of(self, of_type: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["type"] == of_type]


@dataclass
class Inbox:
    """What a mail server has taken, and what it is to answer instead."""

    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """To whom which answer, instead of 250, at RCPT."""
    on_data: Callable[[], None] | None = None
    refuse_data: str | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := self.answers.get(address)) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse_data is not None:
            return self.refuse_data
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=email.policy.default).parsebytes(content)
        assert isinstance(message, EmailMessage)
        [to] = envelope.rcpt_tos
        self.raw.append(content)
        self.mails.append((to, message))
        if self.on_data is not None:
            self.on_data()
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [message for to, message in self.mails if to == address]


@dataclass(frozen=True)
class MailServer:
    """A running mail server."""

    port: int
    inbox: Inbox

    def carrier(self, **more: Any) -> SmtpCarrier:
        return SmtpCarrier(SmtpAccess("127.0.0.1", self.port, "none"), **more)


@asynccontextmanager
async def mail_server(**settings: Any) -> AsyncIterator[MailServer]:
    """A real SMTP server on this loop."""
    inbox = Inbox()
    (port,) = free_ports(1)
    controller = UnthreadedController(
        inbox, hostname="127.0.0.1", port=port, loop=asyncio.get_running_loop(), **settings
    )
    server = await controller._create_server()
    try:
        yield MailServer(port, inbox)
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class World:
    """Nurturing in one process, its rows in memory, on a clock that is set."""

    plan: Plan
    work: Nurture
    table: MemoryTable
    clock: Clock
    published: Published
    addresses: Addresses
    erased: set[str]

    def row(self, lead: str) -> Row:
        from connectors.nurture.row import read

        return read(self.table.held[0][lead])

    async def take(self, *records: Record) -> None:
        await self.work.take(0, records)
        await self.settle()

    async def settle(self) -> None:
        """Does what is due now, until nothing is."""
        while True:
            await self.work.go_on()
            due = self.work.next_due()
            if self.work.busy:
                await asyncio.sleep(0)
            elif due is None or due > self.clock.now:
                return

    async def until(self, moment: int) -> None:
        """Lets time pass, from one due moment to the next."""
        while (due := self.work.next_due()) is not None and due <= moment:
            self.clock.now = Micros(max(due, self.clock.now))
            await self.settle()
        self.clock.now = Micros(max(moment, self.clock.now))
        await self.settle()


def world(of: Plan, carrier: Any, now: int = MONDAY) -> World:
    """Nurturing with a carrier."""
    table, clock, published, addresses = MemoryTable(), Clock(now), Published(), Addresses()
    writer = Writer(of, LinkKeys([LINK_KEY]), GATEWAY, addresses.hash_of)
    erased: set[str] = set()
    work = Nurture(of, table, addresses, writer, carrier, published, clock, erased=erased.__contains__)
    return World(of, work, table, clock, published, addresses, erased)
