"""What goes into and comes out of the scoring of a partition: records, sends, dead letters."""

from dataclasses import dataclass, field

import msgspec

Header = tuple[str, bytes]


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record that was read: `topic` without its prefix, `timestamp` of arrival in microseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class Send(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record to be sent; a `value` of None deletes."""

    topic: str
    key: bytes
    value: bytes | None
    timestamp: int
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that is no event, and why."""

    record: Record
    error_class: str
    message: str


@dataclass(slots=True)
class Changes:
    """What a flush asks to be written: dead letters, states in their order, then scores and the outbox."""

    scores: list[Send] = field(default_factory=list)
    states: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    outbox: list[Send] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    forgotten: dict[bytes, int] = field(default_factory=dict)
    """Keys deleted, of ids nobody is known behind and nothing counts of any more, each with the revision that
    its state had."""
    alerts_by_play: dict[str, int] = field(default_factory=dict)
    emptied: list[str] = field(default_factory=list)
    """Criteria whose evidence starts empty, since what they ask for was not kept before."""
    refused: frozenset[bytes] = frozenset()
    """Keys of leads whose state would be too large, and is as before."""
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)
    """Keys of states that this version can't read and has put aside, and why."""
