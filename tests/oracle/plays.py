"""Which plays a lead's steps set off, and when, naively."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.oracle.lines import SECOND, duration

Step = tuple[int, int, int, bool]


@dataclass(frozen=True, order=True)
class Due:
    """An alert that must come, or came."""

    lead: str
    at: int
    play: str
    to: str
    by_time: bool = False


def naive_plays(
    steps: Iterable[tuple[str, Step]], starts: dict[str, int], grid: dict[str, Any], until: int
) -> list[Due]:
    """The alerts of everybody's steps; `starts`: when each lead's walk began, in the first tier."""
    by_lead: dict[str, list[Step]] = defaultdict(list)
    for lead, step in steps:
        by_lead[lead].append(step)
    found = []
    for lead, start in starts.items():
        found += _of_lead(lead, start, by_lead[lead], grid, until)
    return found


def _of_lead(lead: str, start: int, steps: list[Step], grid: dict[str, Any], until: int) -> list[Due]:
    names = [tier["id"] for tier in grid["tiers"]]
    last: dict[str, int] = {}
    found = []
    tiers = [(start, 0), *((at, to) for at, _, to, _ in steps)]
    ends = [*(at for at, _, _, _ in steps), until + 1]
    for index, ((since, tier), end) in enumerate(zip(tiers, ends, strict=True)):
        moments = [(due, play, names[tier], True) for due, play in _stays(since, names[tier], end, grid)]
        if index < len(steps):
            at, old, new, by_time = steps[index]
            changed = {"leaves": names[old], "enters": names[new]}
            moments += [
                (at, play, names[new], by_time)
                for play in grid["plays"]
                if any(play["when"].get(word) == name for word, name in changed.items())
            ]
        for at, play, to, by_time in moments:
            cooldown = round(duration(play["cooldown"]) * SECOND) if "cooldown" in play else 0
            if cooldown and play["id"] in last and at - last[play["id"]] < cooldown:
                continue
            last[play["id"]] = at
            found.append(Due(lead, at, play["id"], to, by_time))
    return found


def _stays(since: int, tier: str, end: int, grid: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The plays of a stay that lasts so long before it ends."""
    due = [
        (since + round(duration(play["when"]["for"]) * SECOND), play)
        for play in grid["plays"]
        if play["when"].get("stays") == tier
    ]
    return sorted((one for one in due if one[0] < end), key=lambda one: one[0])
