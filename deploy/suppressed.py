"""Who gets no mail any more, by the rows of `leadheat.nurturing`; and the order by which they may again.

The list is `leadheat nurture`'s. An order to it is an event of the lead's, with who gave it and why, and so
stays in the lead's timeline.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from typing import Any, Final, Self

import msgspec
from aiokafka import AIOKafkaProducer

from connectors.nurture.permission import address_of
from connectors.nurture.row import Row
from connectors.nurture.row import read as read_row
from connectors.nurture.suppressed import hash_of_address
from connectors.nurture.suppression import LIFTED, ORDER, REASONS, SUPPRESSED, Lift, Suppression, graver
from deploy.errors import DeployError
from deploy.privacy.topic_log import read_all
from scorer.blocks import Hasher
from scorer.brokers import connection
from scorer.erasure import Notice
from scorer.times import Micros, format_time
from scorer.topics import ERASURES, NURTURING, SCORES, full_name, topic_of

_COMPLAINED: Final = REASONS[-1]


class NotLiftedError(DeployError):
    """Mails may not go again, for the reason that it says."""


@dataclass(frozen=True)
class Entry:
    """An address that gets no mail, or a lead that gets none whatever its address."""

    why: str
    at: int | None
    """Since when; None: of a lead itself it isn't known."""
    address: str | None
    """None where nobody in nurturing has it: only its hash is kept."""
    leads: tuple[str, ...]
    hashed: str | None
    erased: bool
    """Whoever it came of was erased since."""


@dataclass(frozen=True)
class Asked:
    """Who asks for it, why, and what may be lifted only where they say so."""

    by: str
    reason: str
    complained: bool = False
    erased: bool = False


@dataclass(frozen=True)
class Order:
    """What is to be lifted, at one partition."""

    partition: int
    lead: str
    hashes: tuple[str, ...]


@dataclass
class Suppressions:
    """What `leadheat.nurturing` says now."""

    hasher: Hasher
    addresses: dict[str, dict[int, Suppression]] = field(default_factory=lambda: defaultdict(dict))
    """By hash and partition: several leads may have had one address."""
    leads: dict[str, tuple[int, Row]] = field(default_factory=dict)
    """Those in nurturing, with their partitions."""
    erased: set[str] = field(default_factory=set)
    """Hashes of ids that were erased, and may not come again."""

    @classmethod
    async def read(cls, kafka: str, prefix: str, key: bytes) -> Self:
        """Reads it all; BlocksError where ids were erased under another key."""
        made = cls(Hasher(key))
        async for record in read_all(kafka, full_name(prefix, NURTURING)):
            made.note(record.partition, record.key.decode(errors="replace"), record.value)
        async for record in read_all(kafka, full_name(prefix, ERASURES)):
            hashed = record.key.decode()
            made.hasher.require_own(bytes.fromhex(hashed))
            allowed = msgspec.json.decode(record.value, type=Notice).allowed is not None
            (made.erased.discard if allowed else made.erased.add)(hashed)
        return made

    def note(self, partition: int, key: str, value: bytes | None) -> None:
        """Takes in a record of the topic."""
        if key.startswith(SUPPRESSED):
            held = self.addresses[key.removeprefix(SUPPRESSED)]
            if value is None:
                held.pop(partition, None)
            else:
                held[partition] = msgspec.json.decode(value, type=Suppression)
        elif not key.startswith("\0"):
            self.leads.pop(key, None)
            if value is not None and not (row := read_row(value)).merged:
                self.leads[key] = partition, row

    def entries(self) -> Iterator[Entry]:
        """Addresses, the longest without mail first; then leads that have another address by now."""
        of: dict[str, list[str]] = defaultdict(list)
        for lead in sorted(self.leads):
            if (hashed := self._hash_of(lead)) is not None:
                of[hashed].append(lead)
        held = [(hashed, list(rows.values())) for hashed, rows in self.addresses.items() if rows]
        for hashed, rows in sorted(held, key=lambda one: min(row.at for row in one[1])):
            leads = tuple(of[hashed])
            yield Entry(
                reduce(graver, (row.why for row in rows)),
                min(row.at for row in rows),
                self._address(leads[0]) if leads else None,
                leads,
                hashed,
                any(map(self._came_of_erased, rows)),
            )
        listed = {hashed for hashed, _ in held}
        for lead, (_, row) in sorted(self.leads.items()):
            if row.suppressed and self._hash_of(lead) not in listed:
                yield Entry(row.suppressed, None, self._address(lead), (lead,), None, False)

    def to_lift(self, name: str, known_as: str | None, by: Asked) -> list[Order]:
        """Orders that lift what keeps mails from a lead or an address; NotLiftedError where they must not.

        `known_as`: a lead with the address that isn't in nurturing.
        """
        address = _address(name)
        leads = [one for one in sorted(self.leads) if one == name or self._has(one, address)]
        addresses = {one for one in (address, *map(self._address, leads)) if one is not None}
        hashes = tuple(sorted(hash_of_address(self.hasher, one) for one in addresses))
        rows = [(number, row) for one in hashes for number, row in self.addresses[one].items()]
        suppressed = [lead for lead in leads if self.leads[lead][1].suppressed]
        if not rows and not suppressed:
            raise NotLiftedError(f"nothing keeps mails from {name}: see `leadheat suppressed list`")
        reasons = {row.why for _, row in rows} | {self.leads[lead][1].suppressed for lead in suppressed}
        if _COMPLAINED in reasons and not by.complained:
            raise NotLiftedError(f"{name} reported a mail as spam: lifted with --complained only")
        if not by.erased and any(self._came_of_erased(row) for _, row in rows):
            raise NotLiftedError(f"whoever had the address {name} was erased: lifted with --erased only")
        orders = [Order(self.leads[one][0], one, hashes) for one in suppressed]
        reached = {order.partition for order in orders}
        lead = next(iter(leads), known_as)
        if lead is None:
            raise NotLiftedError(f"no lead has the address {name} now: lift it once one has")
        return orders + [Order(number, lead, hashes) for number in sorted({one for one, _ in rows} - reached)]

    def _came_of_erased(self, row: Suppression) -> bool:
        return row.of in self.erased

    def _address(self, lead: str) -> str | None:
        return _address(self.leads[lead][1].facts.traits.get("email"))

    def _has(self, lead: str, address: str | None) -> bool:
        return address is not None and self._address(lead) == address

    def _hash_of(self, lead: str) -> str | None:
        address = self._address(lead)
        return None if address is None else hash_of_address(self.hasher, address)


async def lift(kafka: str, prefix: str, key: bytes, names: Sequence[str], asked: Asked, now: Micros) -> None:
    """Gives the orders, all of them or none; returns once Kafka has them."""
    held = await Suppressions.read(kafka, prefix, key)
    known = await _leads_with(kafka, prefix, [address for one in names if (address := _address(one))])
    orders = [order for one in names for order in held.to_lift(one, known.get(_address(one) or ""), asked)]
    lifts = [one for one in REASONS if asked.complained or one != _COMPLAINED]
    told = [(one, Lift(asked.by, asked.reason, lifts, list(one.hashes))) for one in orders]
    await _send(kafka, prefix, told, now)


async def _leads_with(kafka: str, prefix: str, addresses: Sequence[str]) -> dict[str, str]:
    """Leads with a score, by their addresses, where these are among some."""
    held: dict[str, str] = {}
    if not addresses:
        return held
    async for record in read_all(kafka, full_name(prefix, SCORES)):
        lead = (record.key or b"").decode(errors="replace")
        held.pop(lead, None)
        address = _address(msgspec.json.decode(record.value or b"{}").get("traits", {}).get("email"))
        if address is not None and address in addresses:
            held[lead] = address
    return {address: lead for lead, address in held.items()}


async def _send(kafka: str, prefix: str, orders: Sequence[tuple[Order, Lift]], now: Micros) -> None:
    topic = full_name(prefix, topic_of(LIFTED))
    producer = AIOKafkaProducer(**connection(kafka), client_id="leadheat-suppressed", acks="all")
    await producer.start()
    try:
        for order, lift in orders:
            event: dict[str, Any] = {
                "id": sha256(f"{LIFTED}\n{order.lead}\n{now}".encode()).hexdigest()[:32],
                "type": LIFTED,
                "lead_id": order.lead,
                "time": format_time(now),
                "properties": lift,
            }
            await producer.send(
                topic,
                msgspec.json.encode(event),
                key=order.lead.encode(),
                partition=order.partition,
                timestamp_ms=now // 1_000,
                headers=[(ORDER, b"")],
            )
        await producer.flush()
    finally:
        await producer.stop()


def _address(told: object) -> str | None:
    """An address as it is compared; None where it can't be one."""
    address = address_of({"email": told})
    return None if address is None else address.lower()
