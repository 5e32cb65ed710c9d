"""Grids for measuring: the twenty criteria, and made ones of any size."""

from pathlib import Path
from typing import Any, Final

import msgspec

from scorer.grid import parse_grid
from scorer.plan import Plan

TWENTY: Final = Path(__file__).with_name("twenty.yml")

_KINDS: Final[tuple[dict[str, Any], ...]] = (
    {"points": 3, "event": "page_view", "where": {"url.path": {"glob": "/tarifs*"}}, "half_life": "7d"},
    {"points": 2, "event": "page_time", "per": {"duration_s": 60}, "max": 20},
    {"points": 15, "lead": {"title": {"words": ["ceo", "dg"]}}},
    {"points": 5, "event": "page_view", "repeat": {"at_least": 2, "within": "7d", "distinct": "day"}},
    {"points": 5, "event": "download", "half_life": "21d", "max": 15},
    {"points": -15, "absent": {"for": "30d"}},
    {"points": 10, "event": "email_open", "where": {"campaign": {"glob": "demo*"}}},
)


def made(size: int) -> Plan:
    """A grid of so many criteria of every kind.

    Those that ask for a page ask for one of their own; the others share what they ask for, so that of 200 an
    event counts for 28 at once: more than in a grid that people would write.
    """
    criteria = []
    for number in range(size):
        kind = _KINDS[number % len(_KINDS)]
        criterion = {"id": f"c-{number}", "score": "fit" if "lead" in kind else "engagement"} | kind
        if "where" in kind and number >= len(_KINDS):
            criterion["where"] = {"url.path": f"/page-{number}"}
        criteria.append(criterion)
    tiers = [{"id": "cold"}, {"id": "warm", "from": 30}, {"id": "hot", "from": 70, "requires": {"fit": 10}}]
    scores = {"fit": {"min": -50, "max": 60}, "engagement": {"min": 0, "max": 100}}
    grid = {"grid": "made", "version": 1, "half_life": "14d", "scores": scores, "hysteresis": 5}
    return Plan(parse_grid(msgspec.json.encode(grid | {"criteria": criteria, "tiers": tiers}).decode()))
