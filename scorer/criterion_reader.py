"""Reads one criterion of a grid and says what is wrong or means nothing in it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from scorer.checked import Checked
from scorer.conditions import Conditions
from scorer.event import Event
from scorer.fields import event_field, trait_field
from scorer.grid_model import Criterion, Dimension, EventTest, Kind, Repeat, TraitsTest
from scorer.times import micros
from scorer.yaml_file import Path

_FIELDS: Final = {
    "id": True,
    "label": False,
    "score": True,
    "points": True,
    "event": False,
    "where": False,
    "lead": False,
    "half_life": False,
    "max": False,
    "per": False,
    "repeat": False,
    "absent": False,
}
_TYPE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_NO_BEHAVIOUR: Final = frozenset({"identify", "alias", "outcome", "nps"})


def read_criterion(
    check: Checked, item: Any, path: Path, scores: Mapping[str, Dimension], half_life: float
) -> Criterion:
    """The criterion at a path; `half_life` is the grid's own, in seconds."""
    fields = check.mapping(
        item, path, _FIELDS, "a criterion, such as {id: ceo, score: fit, points: 20, lead: …}"
    )
    kind = _kind(fields)
    _meaningless(check, fields, kind, path)
    name = check.name(fields["id"], (*path, "id"), "pricing-page") if "id" in fields else ""
    score = fields.get("score", "")
    if "score" in fields and (not isinstance(score, str) or score not in scores):
        check.report((*path, "score"), f"no such score {score!r}: {check.choice(score, scores)}")
    points = check.number(fields["points"], (*path, "points"), "10") if "points" in fields else 0.0
    where, lead = _conditions(check, fields, path)
    own = check.half_life(fields["half_life"], (*path, "half_life")) if "half_life" in fields else half_life
    return Criterion(
        id=name,
        label=_label(check, fields.get("label"), (*path, "label"), name),
        score=score if isinstance(score, str) else "",
        points=points,
        kind=kind,
        events=_events(check, fields["event"], (*path, "event"), kind) if "event" in fields else None,
        where=where,
        where_key=_canonical(fields.get("where")),
        lead=lead,
        lead_key=_canonical(fields.get("lead")),
        half_life_s=own if kind in ("behaviour", "repeat") else float("inf"),
        max=_max(check, fields["max"], points, (*path, "max")) if "max" in fields else None,
        per=_per(check, fields["per"], (*path, "per")) if "per" in fields else None,
        repeat=_repeat(check, fields["repeat"], (*path, "repeat")) if "repeat" in fields else None,
        absent_us=_absent(check, fields["absent"], (*path, "absent")) if "absent" in fields else None,
    )


def _kind(fields: Mapping[str, Any]) -> Kind:
    if "absent" in fields:
        return "absent"
    if "repeat" in fields:
        return "repeat"
    return "behaviour" if "event" in fields else "explicit"


def _meaningless(check: Checked, fields: Mapping[str, Any], kind: Kind, path: Path) -> None:
    nothing: dict[Kind, tuple[str, ...]] = {
        "explicit": ("half_life", "max", "per"),
        "behaviour": (),
        "repeat": ("per",),
        "absent": ("half_life", "max", "per", "repeat"),
    }
    reason: dict[Kind, str] = {
        "explicit": "with no event: expected event too, or leave it out",
        "behaviour": "",
        "repeat": "with repeat: expected it on a criterion that adds up",
        "absent": "with absent, whose points are all or nothing: leave it out",
    }
    for field in nothing[kind]:
        if field in fields:
            check.report((*path, field), f"means nothing {reason[kind]}")
    if "where" in fields and "event" not in fields:
        check.report((*path, "where"), f"means nothing {reason['explicit']}")


def _label(check: Checked, value: Any, path: Path, name: str) -> dict[str, str]:
    words = name.replace("-", " ").replace("_", " ")
    default = words[:1].upper() + words[1:]
    if value is None:
        return {"fr": default, "en": default}
    if isinstance(value, str) and value.strip():
        return {"fr": value, "en": value}
    if not isinstance(value, dict) or not value or not all(isinstance(v, str) and v for v in value.values()):
        check.report(
            path, 'expected a text, or one a language, such as {fr: "Décideur", en: "Decision maker"}'
        )
        return {"fr": default, "en": default}
    first = next(iter(value.values()))
    return {"fr": first, "en": first, **value}


def _conditions(
    check: Checked, fields: Mapping[str, Any], path: Path
) -> tuple[EventTest | None, TraitsTest | None]:
    where = lead = None
    if "where" in fields:
        where = Conditions[Event](event_field, check.report).parse(fields["where"], (*path, "where"))
    if "lead" in fields:
        lead = Conditions[Mapping[str, Any]](trait_field, check.report).parse(fields["lead"], (*path, "lead"))
    return where, lead


def _events(check: Checked, value: Any, path: Path, kind: Kind) -> frozenset[str]:
    names = value if isinstance(value, list) else [value]
    if not names:
        check.report(path, "an empty list: expected a type of event, such as page_view")
    found = set()
    for index, name in enumerate(names):
        at = (*path, index) if isinstance(value, list) else path
        if not isinstance(name, str) or not _TYPE.match(name):
            check.report(at, "expected a type of event in lower case, such as page_view")
        elif kind == "absent" and name in _NO_BEHAVIOUR:
            check.report(at, f"{name} is never activity, its absence means nothing: expected a behaviour")
        else:
            found.add(name)
    return frozenset(found)


def _max(check: Checked, value: Any, points: float, path: Path) -> float:
    bound = check.number(value, path, "30")
    if bound * points < 0:
        said = "negative points need a bound of 0 or less" if points < 0 else "a bound of 0 or more"
        check.report(path, f"{bound:g} is on the other side of 0 than points {points:g}: expected {said}")
    return bound


def _per(check: Checked, value: Any, path: Path) -> tuple[str, float]:
    if not isinstance(value, dict) or len(value) != 1:
        check.report(path, "expected one field and its unit, such as {duration_s: 60}")
        return "", 1.0
    name, unit = next(iter(value.items()))
    size = check.number(unit, (*path, name), "60", above=0)
    return name, size if size > 0 else 1.0


def _repeat(check: Checked, value: Any, path: Path) -> Repeat:
    known = {"at_least": True, "within": True, "distinct": False}
    fields = check.mapping(value, path, known, "such as {at_least: 2, within: 7d}")
    at_least = fields.get("at_least", 1)
    if isinstance(at_least, bool) or not isinstance(at_least, int) or not 1 <= at_least <= 1_000:
        check.report((*path, "at_least"), "expected a whole number from 1 to 1000, such as 2")
        at_least = 1
    distinct = fields.get("distinct", "event")
    if distinct not in ("event", "day"):
        check.report((*path, "distinct"), f"{distinct!r} can't be counted: expected event or day")
        distinct = "event"
    within = check.duration(fields["within"], (*path, "within")) if "within" in fields else 1.0
    return Repeat(at_least, micros(within), distinct)


def _absent(check: Checked, value: Any, path: Path) -> int:
    fields = check.mapping(value, path, {"for": True}, "such as {for: 30d}")
    return micros(check.duration(fields["for"], (*path, "for"))) if "for" in fields else 1


def _canonical(spec: Any) -> str:
    return "" if spec is None else json.dumps(spec, sort_keys=True, ensure_ascii=False)
