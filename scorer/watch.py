"""The watch: what a lead's walk remembers for plays that watch more than tiers."""

import msgspec

from scorer.evidence import Evidence
from scorer.latch import SLICES
from scorer.plan import Rule
from scorer.times import FOREVER, NEVER

Lows = list[tuple[int, float]]
"""The lowest of each part of time since which nothing was lower: its number and the total, both rising."""


class Raised(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An alert that was set off."""

    id: str
    play: str
    cooled: int | None
    """When the play had gone off before, if it has a cooldown."""


class Flip(msgspec.Struct, array_like=True, frozen=True):
    """That an event of a doubtful type turned a latch, and what it set off."""

    at: int
    alerts: list[Raised]
    upheld: bool = False
    """It stands without an event that was taken back, by others that may be taken back as well."""


class Watch(msgspec.Struct, array_like=True):
    """Where the latches of a lead stand, and what may have to be taken back."""

    up: list[str] = []
    """The plays whose latches are up."""
    lows: dict[int, Lows] = {}
    """The lows of the total, by the length of the parts that time is divided into."""
    flips: dict[str, Flip] = {}
    """By play: the last turn of its latch, where an event made it that may turn out to be a robot's."""
    answers: list[tuple[bytes, Raised]] = []
    """The newest alerts that such events set off by themselves, each with the digest of the event's id."""
    held: int = NEVER
    """Before this moment no latch of a gain goes down, unless points are taken."""
    room: float = 0.0
    """Points that events must add before a gain need be weighed anew."""


def holds(rule: Rule, evidence: Evidence, mask: int, moment: int) -> bool:
    """Whether a criterion that is no behaviour holds at a moment, not before the newest evidence."""
    if rule.gate and not mask & rule.gate:
        return False
    times = evidence.times.get(rule.slot, [])
    if rule.kind == "absent":
        return bool(times) and moment >= times[-1] + rule.absent
    if rule.kind == "repeat":
        return len(times) >= rule.at_least and moment < times[-rule.at_least] + rule.within
    return True


def next_turn(rule: Rule, up: bool, evidence: Evidence, mask: int) -> int:
    """When time alone makes a criterion begin or cease to hold; FOREVER: never."""
    if rule.gate and not mask & rule.gate:
        return FOREVER
    times = evidence.times.get(rule.slot, [])
    if rule.kind == "absent" and not up and times:
        return times[-1] + rule.absent
    if rule.kind == "repeat" and up and len(times) >= rule.at_least:
        return times[-rule.at_least] + rule.within
    return FOREVER


def is_noted(lows: Lows | None, part: int) -> bool:
    """Whether there is a low of a part of time, the newest.

    >>> is_noted([(7, 2.5)], 7), is_noted([(7, 2.5)], 8)
    (True, False)
    """
    return bool(lows and lows[-1][0] == part)


def note(lows: Lows, part: int, total: float) -> None:
    """Takes down what the total stands at, in the newest part of time; those out of the window go.

    >>> lows = [(1, 0.0), (5, 2.0), (6, 9.0)]
    >>> note(lows, 26, 4.0)
    >>> lows
    [(5, 2.0), (26, 4.0)]
    """
    while lows and lows[-1][1] >= total:
        lows.pop()
    if not is_noted(lows, part):
        lows.append((part, total))
    while lows[0][0] <= part - SLICES:
        del lows[0]


def gain(lows: Lows | None, part: int, total: float) -> float:
    """How far the total is above its lowest in the window that ends in a part of time; at least 0."""
    _, lowest = low_since(lows, part, total)
    return max(total - lowest, 0.0)


def low_since(lows: Lows | None, part: int, total: float) -> tuple[int, float]:
    """When the lowest was in the window that ends in a part of time, and what; now, where none is noted."""
    return next(((at, low) for at, low in lows or () if at > part - SLICES), (part, total))


def joined(lows: Lows, others: Lows) -> Lows:
    """The lows of two that become one: since any moment the higher of the two lowest.

    >>> joined([(3, 0.0), (8, 5.0)], [(6, 4.0), (8, 40.0)])
    [(3, 4.0), (6, 5.0), (8, 40.0)]
    """
    if not lows or not others:
        return lows or others
    found: Lows = []
    for part in sorted({at for at, _ in lows} | {at for at, _ in others}):
        since = [low for each in (lows, others) for at, low in each[_first(each, part) :][:1]]
        value = max(since)
        while found and found[-1][1] >= value:
            found.pop()
        found.append((part, value))
    return found


def _first(lows: Lows, part: int) -> int:
    return next((place for place, (at, _) in enumerate(lows) if at >= part), len(lows))
