"""Lines of a file read into happenings, naively."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Line = tuple[str, int, bytes]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
DAY = 86_400 * SECOND
NOBODY = {"", "null", "undefined", "none", "nil", "nan", "anonymous", "guest", "0", "[object object]"}
NOBODY.add("00000000-0000-0000-0000-000000000000")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(eq=False)
class Happening:
    """One event as its line tells it; compared by identity, since two lines may say the same."""

    id: str
    type: str
    lead_id: str | None
    anonymous_id: str | None
    time: int
    properties: dict[str, Any] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, str]:
        """Files walk in order of time, then id."""
        return self.time, self.id


def micros(text: str) -> int:
    """RFC 3339 to microseconds; without an offset: UTC."""
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)


def text_of(moment: int) -> str:
    """Microseconds to RFC 3339 in UTC."""
    return (EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def duration(text: str) -> float:
    """Seconds of a duration such as `7d` or `1.5h`."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)([smhdw])", text)
    if found is None:
        raise ValueError(f"no duration: {text!r}")
    return float(found[1]) * UNITS[found[2]]


def somebody(value: Any) -> str | None:
    """An id, or None where it is one of the words that mean nobody."""
    if value is None or str(value).lower() in NOBODY:
        return None
    return str(value)


def _profile(traits: dict[str, Any]) -> dict[str, Any]:
    """Traits with numeric text in `employees` and `revenue` made numbers, a consent told by its purposes."""
    found = {}
    for name, value in traits.items():
        if name == "consent" and isinstance(value, dict):
            found |= {f"consent.{purpose}": given for purpose, given in value.items()}
        else:
            found[name] = _number(value) if name in ("employees", "revenue") else value
    return found


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    return int(number) if number == int(number) else number


def that_count(happenings: list[Happening]) -> list[Happening]:
    """Without what robots did, and what was taken back, and what takes back; no id is two leads' here."""
    void = {str(one.properties["event"]["id"]) for one in happenings if one.type == "retract"}
    return [
        one
        for one in happenings
        if one.type != "retract" and one.id not in void and one.context.get("bot") is not True
    ]


def read(lines: Iterable[Line], at: int) -> list[Happening]:
    """What had happened by `at`, in the order of the lines, copies included."""
    happenings = []
    for file, number, raw in lines:
        told = json.loads(raw)
        happening = Happening(
            id=str(told["id"]) if "id" in told else f"{file}:{number}",
            type=told["type"],
            lead_id=somebody(told.get("lead_id")),
            anonymous_id=somebody(told.get("anonymous_id")),
            time=micros(told["time"]) if "time" in told else at,
            properties=told.get("properties") or {},
            traits=_profile(told.get("traits") or {}) if told["type"] == "identify" else {},
            context=told.get("context") or {},
        )
        if happening.lead_id is None and happening.anonymous_id is None:
            raise ValueError(f"{file}:{number}: an event of nobody")
        if happening.time <= at:
            happenings.append(happening)
    return happenings
