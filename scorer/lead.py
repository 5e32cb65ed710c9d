"""The state of a lead in the stream: its evidence and walk, and what makes the stream effectively once."""

import struct
from typing import Final

import msgspec

from scorer.evidence import Evidence
from scorer.messages import Send
from scorer.times import FOREVER
from scorer.walk import Course

MOST_TIES: Final = 16

_PREFIX: Final = struct.Struct(">BBqq")
_VERSION: Final = 1
_MOST_BITS: Final = 63
"""Of an integer in MessagePack, whose signed ones are the shorter."""
_OUTBOX: Final = 1


class StateError(Exception):
    """A state that this version can't read."""


class Lead(msgspec.Struct, array_like=True):
    """All that is kept of one id. Only `evidence` merges; the rest is the id's own."""

    evidence: Evidence = msgspec.field(default_factory=Evidence)
    course: Course = msgspec.field(default_factory=Course)
    known: bool = False
    """It came as `lead_id` once: no `identify` ties it any more."""
    ties: list[tuple[int, str]] = []
    """From when on this anonymous id is which lead, in order of time: the newest 16."""
    redirect: str | None = None
    """The lead that this one has become by `alias`."""
    aliases: list[str] = []
    """The leads that an `alias` tied it to before it was known: one with it once it is."""
    absorbed: dict[str, int] = {}
    """Per topic (and partition, of records found elsewhere) the last offset that is in this state."""
    handed: dict[str, int] = {}
    """Per id that hands over to this one, the last number that is in this state."""
    sent: int = 0
    """The number of the last hand-over from this one."""
    scored: bool = False
    """The score topic holds a record of it."""
    packed_mask: int | bytes = 0
    """`mask` as it is kept: bytes where it is too long for an integer of MessagePack."""
    outbox: list[Send] = []
    """Decided, not yet acknowledged."""
    headroom: float = 0.0
    """Points that events must add before its tier need be decided anew, for the plan of the prefix."""

    @property
    def mask(self) -> int:
        """The gates that hold, for the plan of the prefix: a bit each."""
        packed = self.packed_mask
        return packed if isinstance(packed, int) else int.from_bytes(packed)

    @mask.setter
    def mask(self, mask: int) -> None:
        bits = mask.bit_length()
        self.packed_mask = mask if bits <= _MOST_BITS else mask.to_bytes((bits + 7) // 8)


class Stored(msgspec.Struct, frozen=True):
    """What recovery reads of a state, without decoding it."""

    wake: int
    plan: int
    outbox: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Lead)


def encode(lead: Lead, wake: int, plan: int) -> bytes:
    """The bytes of a state, with when time may change it and the plan that decided it."""
    flags = _OUTBOX if lead.outbox else 0
    return _PREFIX.pack(_VERSION, flags, min(wake, FOREVER), plan) + _encoder.encode(lead)


def peek(state: bytes) -> Stored:
    """The prefix of a state; raises StateError where this version can't read it."""
    try:
        version, flags, wake, plan = _PREFIX.unpack_from(state)
    except struct.error:
        raise StateError(f"a state of {len(state)} bytes is none") from None
    if version != _VERSION:
        raise StateError(f"a state of version {version}: this program reads version {_VERSION}")
    return Stored(wake, plan, bool(flags & _OUTBOX))


def decode(state: bytes) -> tuple[Lead, Stored]:
    """A state and its prefix; raises StateError where this version can't read it."""
    stored = peek(state)
    try:
        return _decoder.decode(memoryview(state)[_PREFIX.size :]), stored
    except msgspec.DecodeError as error:
        raise StateError(f"a broken state: {error}") from None
