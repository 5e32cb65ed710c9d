"""Hand-overs: what the partition of one id tells the partition of another."""

from typing import NamedTuple

import msgspec

from scorer import topics
from scorer.errors import EventError
from scorer.event import decode as read_event
from scorer.evidence import Evidence
from scorer.walk import Course


class Tie(msgspec.Struct, tag="tie", array_like=True, frozen=True):
    """To an id: from `moment` on you are `lead`; by `alias` if two known leads may become one."""

    lead: str
    moment: int
    by_alias: bool
    hops: list[str] = []


class Moved(msgspec.Struct, tag="moved", array_like=True, frozen=True):
    """To a lead: all that `sender` knew is yours."""

    sender: str
    number: int
    evidence: Evidence
    course: Course
    hops: list[str] = []


class Forwarded(msgspec.Struct, tag="event", array_like=True, frozen=True):
    """To a lead: an event that came to `sender` is yours; `event` is its bytes as they came."""

    sender: str
    number: int
    id: str
    moment: int
    event: bytes
    hops: list[str] = []


class Misplaced(msgspec.Struct, tag="misplaced", array_like=True, frozen=True):
    """To the partition of the key: an event that another partitioner put elsewhere."""

    topic: str
    partition: int
    offset: int
    event: bytes


class Erase(msgspec.Struct, tag="erase", array_like=True, frozen=True):
    """To an id: forget the person; `names` are ids that are that person and nobody else."""

    names: list[str]
    at: int = 0
    """When the order first arrived, where it was passed on."""


class Allow(msgspec.Struct, tag="allow", array_like=True, frozen=True):
    """To an erased id: what arrives from now on counts again."""


Message = Tie | Moved | Forwarded | Misplaced | Erase | Allow

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """The value of a hand-over record."""
    return _encoder.encode(message)


def decode(value: bytes) -> Message:
    """Reads a hand-over; raises EventError where it is none."""
    try:
        return _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise EventError(f"no hand-over: {error}") from None


class Again(NamedTuple):
    """What is to be sent so that a hand-over which scoring failed on is done after all."""

    topic: str
    key: bytes
    value: bytes


def again(key: bytes, value: bytes, letter: str) -> Again:
    """The hand-over of a dead letter, to be sent anew; `letter` names that, and is no other's name.

    What came after it has moved the numbers on that tell a repetition, so it may not come under its own: an
    event is sent as it first came, and what an id knew as if the letter were an id of its own.
    """
    message = decode(value)
    if isinstance(message, Misplaced):
        return Again(message.topic, read_event(message.event).key.encode(), message.event)
    if isinstance(message, Forwarded):
        event = read_event(message.event)
        return Again(topics.topic_of(event.type), event.key.encode(), message.event)
    if isinstance(message, Moved):
        value = encode(msgspec.structs.replace(message, sender=letter, number=1))
    return Again(topics.HANDOVER, key, value)
