"""Keeps what a CRM did not take on the topic of parked deliveries, with the reason."""

import logging
from typing import Any, Final, Protocol

import msgspec

from connectors.sync.publishing import Sender
from scorer.times import Micros, format_time

PARKED: Final = "parked"
_log: Final = logging.getLogger(__name__)


class Parked(msgspec.Struct, frozen=True):
    """What was not taken: the shape of `leadheat.parked`, with a lead and its record, not an alert."""

    id: str
    destination: str
    reason: str
    at: str
    lead_id: str
    record: str | None
    told: dict[str, Any]
    channel: str = "sync"
    result: str = "parked"


class Request(msgspec.Struct, frozen=True):
    """A record of the topic by which somebody asks for a parked thing of ours again (`retry`)."""

    id: str
    channel: str
    destination: str
    result: str
    lead_id: str


def asked_again(value: bytes | None) -> Request | None:
    """What a record of the topic asks us for; None where it asks for nothing, or for a channel's alert."""
    try:
        asked = msgspec.json.decode(value or b"", type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return asked if (asked.channel, asked.result) == ("sync", "retry") else None


class Parking(Protocol):
    """Where what could not be delivered goes."""

    async def park(
        self, trace: str, destination: str, lead: str, record: str | None, told: dict[str, Any], reason: str
    ) -> None:
        """Keeps one thing that a CRM did not take."""


class TopicParking:
    """Parks on the topic; the key is the id."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def park(
        self, trace: str, destination: str, lead: str, record: str | None, told: dict[str, Any], reason: str
    ) -> None:
        """Returns once Kafka has it; not logged is whom it is about, nor the CRM's words."""
        now: Micros = self._sender.clock()
        parked = Parked(trace, destination, reason, format_time(now), lead, record, told)
        await self._sender.send([(PARKED, trace, msgspec.json.encode(parked))])
        _log.warning("%s for %s parked: `leadheat parked list` says why", trace, destination)
