"""What a CRM is told of a lead at a moment: score, grade, trend, tier, reasons; and when it is news."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from scorer.times import DAY, SECOND, Micros, format_time, parse_time

IMPROVING: Final = "improving"
STEADY: Final = "steady"
DECLINING: Final = "declining"
UNKNOWN: Final = "not enough info"
GRADES: Final = ("A", "B", "C", "D")
TRENDS: Final = (IMPROVING, STEADY, DECLINING, UNKNOWN)

Sample = tuple[int, float]
"""A moment, and the score then."""
_LEAST_AGE: Final = DAY
"""Of what a trend is measured against."""


class Standing(msgspec.Struct, frozen=True):
    """What is told; the score with one decimal, as people read it."""

    lead: str
    score: float
    grade: str
    trend: str
    tier: str
    reasons: tuple[str, ...]
    grid: str
    version: int
    at: Micros

    def fields(self) -> dict[str, Any]:
        """By our names of a CRM's fields: what each is to hold, the reasons a line each."""
        return {
            "score": self.score,
            "grade": self.grade,
            "trend": self.trend,
            "tier": self.tier,
            "reasons": "\n".join(self.reasons),
            "lead_id": self.lead,
            "scored_at": format_time(self.at),
        }


class Scale(msgspec.Struct, frozen=True):
    """By what a destination's grades and trends are told."""

    grades: tuple[float, float, float]
    delta: float
    trend_s: float
    language: str
    reasons: int


def standing(
    read: Mapping[str, Any], labels: Mapping[str, Any], samples: Sequence[Sample], scale: Scale
) -> Standing:
    """What is told of a score record that was read at the moment of its `as_of`."""
    at = parse_time(read["as_of"])
    score = round(read["score"], 1)
    return Standing(
        lead=read["lead_id"],
        score=score,
        grade=grade(score, scale.grades),
        trend=trend(score, at, samples, scale),
        tier=read["tier"],
        reasons=reasons(read["contributions"], labels, scale),
        grid=read["grid"],
        version=read["version"],
        at=at,
    )


def grade(score: float, least: tuple[float, float, float]) -> str:
    """The letter of a score.

    >>> [grade(score, (75, 50, 25)) for score in (80, 50, 26, -3)]
    ['A', 'B', 'C', 'D']
    """
    return next((letter for letter, bound in zip(GRADES, least, strict=False) if score >= bound), GRADES[-1])


def trend(score: float, at: int, samples: Sequence[Sample], scale: Scale) -> str:
    """Where a score has gone since the oldest of its samples that is not older than the trend's time.

    >>> week = Scale((75, 50, 25), 5, 7 * 86_400, "en", 5)
    >>> trend(40, 3 * DAY, [(0, 30.0)], week), trend(40, 3 * DAY, [(3 * DAY, 40.0)], week)
    ('improving', 'not enough info')
    """
    since = at - int(scale.trend_s * SECOND)
    before = [(moment, then) for moment, then in samples if since <= moment <= at - _LEAST_AGE]
    if not before:
        return UNKNOWN
    change = score - before[0][1]
    if change >= scale.delta:
        return IMPROVING
    return DECLINING if change <= -scale.delta else STEADY


def sampled(samples: Sequence[Sample], at: int, score: float, scale: Scale) -> tuple[Sample, ...]:
    """The samples with a new one, at most one a day, none older than a trend needs."""
    since = at - int(scale.trend_s * SECOND)
    kept = tuple((moment, then) for moment, then in samples if moment >= since)
    return kept if kept and at - kept[-1][0] < DAY else (*kept, (at, score))


def reasons(contributions: Mapping[str, float], labels: Mapping[str, Any], scale: Scale) -> tuple[str, ...]:
    """The largest contributions, each a line for people.

    >>> english = Scale((75, 50, 25), 5, 7 * 86_400, "en", 2)
    >>> reasons({"a": 3.04, "b": -20, "c": 1}, {"a": {"fr": "Prix", "en": "Pricing"}}, english)
    ('b -20', 'Pricing +3')
    """
    largest = sorted(contributions.items(), key=lambda one: (-abs(one[1]), one[0]))[: scale.reasons]
    return tuple(
        f"{_label(labels.get(name, name), scale.language)} {round(points, 1):+g}" for name, points in largest
    )


def _label(label: Any, language: str) -> str:
    if isinstance(label, Mapping):
        return str(label.get(language) or next(iter(label.values()), ""))
    return str(label)


def is_news(told: Standing | None, now: Standing, delta: float) -> bool:
    """Whether a CRM that was told one thing has to be told another."""
    if told is None:
        return True
    other = (told.tier, told.grade, told.trend) != (now.tier, now.grade, now.trend)
    return other or abs(now.score - told.score) >= delta
