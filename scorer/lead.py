"""The state of a lead in the stream: its evidence and walk, and what makes the stream effectively once."""

import struct
from typing import Final

import msgspec

from scorer.evidence import Evidence
from scorer.messages import Send
from scorer.times import FOREVER
from scorer.walk import Course

MOST_TIES: Final = 16

REVISION_BITS: Final = 32
"""Of a revision, below the group's generation."""

_TAG: Final = b"LH"
_VERSION: Final = 5
_READABLE_BY: Final = 2
"""The least version of a program that reads what this one writes, and loses nothing that matters."""
_PREFIX: Final = struct.Struct(">2sBBBqqq")
"""Tag, version, least version of a reader, flags, revision, wake, plan. All but the last two have their
places for good: by the revision `supersedes` tells, without decoding, which of two states is the later."""
_REVISION: Final = slice(5, 13)
_GENERATION: Final = slice(5, 9)
_PREFIX_1: Final = struct.Struct(">BBqq")
"""Of version 1, which had no tag: version, flags, wake, plan."""
_MOST_BITS: Final = 63
"""Of an integer in MessagePack, whose signed ones are the shorter."""
_OUTBOX: Final = 1
_HISTORY: Final = 2


class StateError(Exception):
    """A state that this version can't read."""


class LaterStateError(StateError):
    """A state that only a later version of the program reads: in order, and not to be put aside."""


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
    revision: int = 0
    """Counts the writes of this lead's state; 0 in states of version 1, which had none."""
    body: int = _PREFIX.size
    """Where the lead begins, after the prefix."""
    history: bool = False
    """What its score record told of last was no news."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Lead)


def prefix(flags: int, wake: int, plan: int, revision: int) -> bytes:
    """What a record of a lead's state begins with, and any other whose revisions count."""
    return _PREFIX.pack(_TAG, _VERSION, _READABLE_BY, flags, revision, min(wake, FOREVER), plan)


def encode(lead: Lead, wake: int, plan: int, revision: int, *, history: bool = False) -> bytes:
    """The bytes of a state, with when time may change it and the plan that decided it.

    `history`: its score record tells of no news.

    Versions: a later one may add fields at the end of `Lead` and leave `_READABLE_BY` as it is; this program
    then reads its states, ignores what was added and drops it when it next writes the lead. What must not be
    lost that way raises `_READABLE_BY`, and this program refuses the state. Bytes of each version that
    ever wrote are in tests/golden/states.
    """
    flags = (_OUTBOX if lead.outbox else 0) | (_HISTORY if history else 0)
    return prefix(flags, wake, plan, revision) + _encoder.encode(lead)


def supersedes(state: bytes, held: bytes) -> bool:
    """Whether a state that was written after another is to take its place: not where its revision is lower.

    That one comes of a worker that no longer owned the lead. Anything else than two states of version 2 or
    later is taken as it comes.
    """
    return state[_REVISION] >= held[_REVISION] or state[:2] != _TAG or held[:2] != _TAG


def generation_of(revision: int) -> int:
    """The group's generation in which something of this revision was written.

    >>> generation_of(5 << REVISION_BITS | 7)
    5
    """
    return revision >> REVISION_BITS


def written_in(state: bytes) -> bytes:
    """The generation that wrote a state, as bytes that sort as it does; empty: the state does not say."""
    return state[_GENERATION] if state[:2] == _TAG else b""


def deletion(revision: int) -> bytes:
    """What says of a deletion which revision of a state it deletes, so that `supersedes` tells."""
    return prefix(0, FOREVER, 0, revision)


def peek(state: bytes) -> Stored:
    """The prefix of a state; raises StateError where this version can't read it."""
    try:
        if state[:1] == b"\x01":
            _, flags, wake, plan = _PREFIX_1.unpack_from(state)
            return Stored(wake, plan, bool(flags & _OUTBOX), body=_PREFIX_1.size)
        tag, version, readable_by, flags, revision, wake, plan = _PREFIX.unpack_from(state)
    except struct.error:
        raise StateError(f"a state of {len(state)} bytes is none") from None
    if tag != _TAG:
        raise StateError(f"a state must begin with {_TAG.decode()}, or be of version 1")
    if readable_by > _VERSION:
        raise LaterStateError(
            f"a state of version {version} asks for a program that reads version {readable_by}: "
            f"this one reads versions up to {_VERSION}"
        )
    return Stored(wake, plan, bool(flags & _OUTBOX), revision, history=bool(flags & _HISTORY))


def decode(state: bytes) -> tuple[Lead, Stored]:
    """A state and its prefix; raises StateError where this version can't read it."""
    stored = peek(state)
    try:
        return _decoder.decode(memoryview(state)[stored.body :]), stored
    except msgspec.DecodeError as error:
        raise StateError(f"a broken state: {error}") from None
