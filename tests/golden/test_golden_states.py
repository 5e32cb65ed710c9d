"""States that earlier versions wrote are read for good, and a later version's by what it says of itself."""

import struct
from pathlib import Path

import msgspec
import pytest

from scorer.evidence import Evidence
from scorer.lead import LaterStateError, Lead, StateError, Stored, decode, encode, peek, supersedes
from scorer.messages import Send
from scorer.walk import Course, Step
from scorer.watch import Flip, Raised, Watch

_STATES = Path(__file__).parent / "states"

_STEP = Step(1, "warm", 0, ["nurture"], [Raised("f00d", "call-now", None)])
"""Since version 3."""

_RAISED = Raised("beef", "heats", 8)
_WATCH = Watch(
    ["heats", "over-60"],
    {3_600_000_000: [(7, -2.5), (9, 40.0)]},
    {"heats": Flip(2, [_RAISED], upheld=True)},
    [(b"12345678", _RAISED)],
    9,
    1.5,
)
"""Since version 5."""

_WRITTEN = Lead(
    evidence=Evidence(
        1_790_000_000_000_000,
        {-4: 2.5, 1 << 62: 1e-9},
        {7: [1_790_000_000_000_001, 1_790_000_000_000_000]},
        {"title": (1_790_000_000_000_000, '"Gérante"')},
        b"12345678abcdefgh",
        1_790_000_000_000_002,
        ["a-1", "u-é"],
    ),
    course=Course("hot", 1, 2, ["wake-up"], {"call-now": 3}, [_STEP], 1_795_000_000_000_000, _WATCH),
    known=True,
    ties=[(4, "u-2")],
    redirect="u-3",
    aliases=["u-4"],
    absorbed={"page-views": 41, "downloads/3": 7},
    handed={"a-1": 2},
    sent=5,
    scored=True,
    packed_mask=(1 << 70).to_bytes(9),
    outbox=[Send("alerts", b"u-1", b"{}", 6, (("traceparent", b"00"),))],
    headroom=1.25,
)
"""What each file in `states` holds."""


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_reads_what_each_version_wrote(version: int) -> None:
    lead, stored = decode((_STATES / f"v{version}.state").read_bytes())
    if version < 3:
        lead.course.doubtful.append(_STEP)
    if version < 4:
        lead.course.silent_until = _WRITTEN.course.silent_until
    if version < 5:
        lead.course.watched = _WATCH
    assert lead == _WRITTEN
    assert (stored.wake, stored.plan, stored.outbox) == (1_800_000_000_000_000, -12345, True)
    assert stored.revision == (0 if version == 1 else 66)


def test_writes_the_newest_version_to_the_byte() -> None:
    newest = (_STATES / "v5.state").read_bytes()
    assert encode(_WRITTEN, 1_800_000_000_000_000, -12345, 66) == newest


def _of_version(version: int, readable_by: int, *added: object) -> bytes:
    fields = msgspec.to_builtins(_WRITTEN, builtin_types=(bytes,))
    prefix = struct.pack(">2sBBBqqq", b"LH", version, readable_by, 0b10000001, 67, 8, 9)
    return prefix + msgspec.msgpack.encode([*fields, *added])


def test_reads_a_later_version_that_lets_it_and_drops_what_that_added() -> None:
    later = _of_version(6, 2, {"added": ["later"]}, 1)
    lead, stored = decode(later)
    assert lead == _WRITTEN
    assert (stored.wake, stored.plan, stored.outbox, stored.revision) == (8, 9, True, 67)
    assert encode(lead, 8, 9, 68)[5:] == _of_version(5, 2)[5:].replace(
        b"\x00" * 7 + b"C", b"\x00" * 7 + b"D", 1
    )


def test_a_later_version_reads_this_one() -> None:
    later = msgspec.defstruct("Later", [("added", int, 7)], bases=(Lead,), array_like=True)
    state = (_STATES / "v5.state").read_bytes()
    lead = msgspec.msgpack.decode(state[peek(state).body :], type=later)
    assert (lead.headroom, lead.added) == (1.25, 7)


def test_refuses_a_later_version_that_does_not_let_it() -> None:
    with pytest.raises(LaterStateError, match="version 7 asks for a program that reads version 6"):
        decode(_of_version(7, 6))


@pytest.mark.parametrize("junk", [b"", b"\x01", b"L", b"LH\x02\x02", b"{}", b"\x02" + b"\x00" * 40])
def test_refuses_what_is_no_state(junk: bytes) -> None:
    with pytest.raises(StateError) as refused:
        peek(junk)
    assert not isinstance(refused.value, LaterStateError)


def test_only_a_lower_revision_does_not_supersede() -> None:
    first = (_STATES / "v1.state").read_bytes()
    states = [encode(_WRITTEN, 0, 0, revision) for revision in (1, 255, 256, 1 << 40)]
    for at, held in enumerate(states):
        assert [supersedes(state, held) for state in states] == [number >= at for number in range(4)]
        assert supersedes(held, first)
        assert supersedes(first, held)
        assert supersedes(b"", held)
    assert isinstance(peek(states[0]), Stored)
