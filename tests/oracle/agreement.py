"""What it means that two sets of records, or of transitions, say the same."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from tests.oracle.lines import SECOND, micros

Told = dict[str, Any]

NEAR = 1e-6  # sums of floats in another order, times some magnitudes
SAME_MOMENT = 2 * SECOND  # each side rounds a crossing up to its second


def differences(found: list[Told], expected: list[Told]) -> list[str]:
    """What is not the same in two lists of score records; empty where they agree."""
    here, there = ({record["lead_id"]: record for record in records} for records in (found, expected))
    if here.keys() != there.keys() or len(here) != len(found):
        return [f"leads {[one['lead_id'] for one in found]} for {list(there)}"]
    said = []
    for lead, mine in here.items():
        said += [f"{lead}: {what}" for what in _record_differences(mine, there[lead])]
    order = [(-record["score"], record["lead_id"]) for record in found]
    if order != sorted(order):
        said.append(f"not highest first: {order}")
    return said


def _record_differences(found: Told, expected: Told) -> list[str]:
    said = [
        f"{name} {found[name]!r} for {expected[name]!r}"
        for name in ("tier", "traits", "grid", "version")
        if found[name] != expected[name]
    ]
    if abs(found["score"] - expected["score"]) > NEAR:
        said.append(f"score {found['score']!r} for {expected['score']!r}")
    said += [
        f"{name} {found[name]} for {expected[name]}"
        for name in ("scores", "contributions")
        if not _near(found[name], expected[name])
    ]
    for name, tolerance in (("since", SAME_MOMENT), ("as_of", 0)):
        if abs(micros(found[name]) - micros(expected[name])) > tolerance:
            said.append(f"{name} {found[name]} for {expected[name]}")
    mine, others = found["identities"], expected["identities"]
    if mine[0] != others[0] or sorted(mine) != sorted(others):
        said.append(f"identities {mine} for {others}")
    if "next_tier" in expected and not _same_next(found["next_tier"], expected["next_tier"]):
        said.append(f"next_tier {found['next_tier']} for {expected['next_tier']}")
    return said


def _near(found: dict[str, float], expected: dict[str, float]) -> bool:
    return all(abs(found.get(name, 0) - expected.get(name, 0)) <= NEAR for name in found | expected)


def _same_next(found: Told | None, expected: Told | None) -> bool:
    if found is None or expected is None:
        return found is expected
    near = abs(micros(found["at"]) - micros(expected["at"])) <= SAME_MOMENT
    return near and found["tier"] == expected["tier"]


def transition_differences(found: list[Told], expected: list[Told], at: int) -> list[str]:
    """What is not the same in two lists of transitions, but for those within the tolerance of `at`."""
    said = []
    mine, others = _by_lead(found, at), _by_lead(expected, at)
    for lead in mine | others:
        here, there = mine.get(lead, []), others.get(lead, [])
        same = len(here) == len(there) and all(
            one["from"] == two["from"]
            and one["to"] == two["to"]
            and abs(micros(one["at"]) - micros(two["at"])) <= SAME_MOMENT
            for one, two in zip(here, there, strict=True)
        )
        if not same:
            said.append(f"{lead}:\n  {_path(here)}\nfor\n  {_path(there)}")
    order = [micros(one["at"]) for one in found]
    if any(late < early - SAME_MOMENT for early, late in pairwise(order)):
        said.append(f"not in order of time: {[one['at'] for one in found]}")
    return said


def _by_lead(transitions: list[Told], at: int) -> dict[str, list[Told]]:
    leads: dict[str, list[Told]] = defaultdict(list)
    for one in transitions:
        if micros(one["at"]) < at - SAME_MOMENT:
            leads[one["lead_id"]].append(one)
    return dict(leads)


def _path(transitions: list[Told]) -> str:
    return ", ".join(f"{one['from']}→{one['to']} {one['at']}" for one in transitions) or "none"
