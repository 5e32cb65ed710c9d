"""Net promoter score: what customers answered, by group, and whether the score knew it.

Promoters answer 9 or 10, detractors 0 to 6; the NPS is the share of the ones less that of the others, from
-100 to 100 (Reichheld, "The One Number You Need to Grow", Harvard Business Review, 2003).
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from scorer.event import Event

PROMOTER: Final = 9
DETRACTOR: Final = 6
_LEAST_PAIRS: Final = 3
"""Below it a correlation says nothing."""


@dataclass(frozen=True)
class Answer:
    """One answer to a survey."""

    rating: int
    group: str
    score: float | None


@dataclass(frozen=True)
class Line:
    """A group's answers."""

    group: str
    answers: int
    promoters: int
    detractors: int
    mean: float

    @property
    def nps(self) -> float:
        """From -100 to 100."""
        return 100 * (self.promoters - self.detractors) / self.answers


@dataclass(frozen=True)
class Report:
    """All answers, and those of each group."""

    total: Line | None
    groups: tuple[Line, ...]
    correlation: float | None
    """Spearman's, of answers with the scores at the time of sending; None: too few, or all the same."""
    pairs: int


def answers(events: Iterable[Event], by: str) -> list[Answer]:
    """The answers in some events: of several to the same mail, or survey, the newest."""
    newest: dict[tuple[str, ...], tuple[int, Answer]] = {}
    for event in events:
        properties = event.properties or {}
        rating = properties.get("rating")
        if event.type != "nps" or type(rating) is not int or not 0 <= rating <= 10:
            continue
        asked = str(properties.get("message_id") or event.id)
        key = (event.key, str(properties.get("survey")), asked)
        score = properties.get("score_sent", properties.get("score"))
        group = properties.get("tier_sent", properties.get("tier")) if by == "tier" else properties.get(by)
        answer = Answer(rating, "-" if group is None else str(group), _number(score))
        moment = event.moment or 0
        if key not in newest or moment >= newest[key][0]:
            newest[key] = (moment, answer)
    return [answer for _, answer in newest.values()]


def report(found: Sequence[Answer]) -> Report:
    """The figures.

    >>> told = report([Answer(10, "hot", 80.0), Answer(9, "hot", 70.0), Answer(2, "cold", 10.0)])
    >>> round(told.total.nps), [(one.group, one.nps) for one in told.groups], told.correlation
    (33, [('cold', -100.0), ('hot', 100.0)], 1.0)
    """
    groups: dict[str, list[Answer]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    pairs = [(one.score, float(one.rating)) for one in found if one.score is not None]
    return Report(
        _line("all", found) if found else None,
        tuple(_line(group, groups[group]) for group in sorted(groups)),
        spearman(pairs),
        len(pairs),
    )


def spearman(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The rank correlation of pairs, ties at their mean rank; None: too few, or one side all the same.

    >>> spearman([(1.0, 1.0), (2.0, 2.0), (3.0, 10.0)]), spearman([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)])
    (1.0, -1.0)
    """
    if len(pairs) < _LEAST_PAIRS:
        return None
    try:
        found = statistics.correlation(*(_ranks(side) for side in zip(*pairs, strict=True)))
    except statistics.StatisticsError:
        return None
    return round(found, 12)


def _line(group: str, found: Sequence[Answer]) -> Line:
    ratings = [one.rating for one in found]
    promoters = sum(rating >= PROMOTER for rating in ratings)
    detractors = sum(rating <= DETRACTOR for rating in ratings)
    return Line(group, len(ratings), promoters, detractors, statistics.fmean(ratings))


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(values)):
        places[value].append(place)
    return [statistics.fmean(places[value]) for value in values]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
