"""The text that a salesperson reads: who, what happened, why, what to do, until when, and where to look."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from connectors.notify.alert import Alert, Reason
from connectors.notify.config import Language
from scorer.times import SECOND, Micros, parse_time

_MOST_WORDS: Final = 200
"""Characters of a trait; a form's field may hold a novel."""

_TEXTS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "enters": "{who} passe en {to} : {score} points",
        "stays": "{who} reste en {to} : {score} points",
        "withdrawn": "Alerte retirée : {who} est en {to}, {score} points",
        "expired": "Cette alerte a {age} : il fallait y répondre avant le {until}",
        "robot": "Ce qui l’avait déclenchée était le fait d’un robot.",
        "why": "Pourquoi",
        "do": "À faire",
        "cools": "Passera en {tier} le {at}, si rien ne se passe",
        "task": "tâche « {name} »",
        "assign": "attribution « {name} »",
        "nurture": "parcours « {name} »",
        "alert": "prévenir « {name} »",
    },
    "en": {
        "enters": "{who} is now {to}: {score} points",
        "stays": "{who} is still {to}: {score} points",
        "withdrawn": "Alert withdrawn: {who} is {to}, {score} points",
        "expired": "This alert is {age} old: it was to be acted on by {until}",
        "robot": "What set it off was a robot’s doing.",
        "why": "Why",
        "do": "To do",
        "cools": "Will be {tier} on {at} if nothing happens",
        "task": "task “{name}”",
        "assign": "assign “{name}”",
        "nurture": "nurture “{name}”",
        "alert": "alert “{name}”",
    },
}
_TIERS_FR: Final = {"cold": "froid", "warm": "tiède", "hot": "chaud"}
"""Names of the usual tiers; any other is shown as the grid calls it."""


@dataclass(frozen=True)
class Message:
    """A title, and what stands below it, line by line; `link` leads to the lead's page."""

    title: str
    lines: tuple[str, ...]
    link: str | None

    @property
    def body(self) -> str:
        """Everything below the title, as plain text."""
        return "\n".join((*self.lines, *((self.link,) if self.link else ())))


def message_of(alert: Alert, language: Language, board_url: str | None, now: Micros | None = None) -> Message:
    """What is to be read of an alert; `now`, if it is given, tells whether it comes too late."""
    texts = _TEXTS[language]
    kind = "withdrawn" if alert.withdrawn else "stays" if alert.from_ == alert.to else "enters"
    title = texts[kind].format(
        who=_who(alert), to=_tier(alert.to, language), score=_number(alert.score, language)
    )
    link = f"{board_url.rstrip('/')}/leads/{quote(alert.lead_id, safe='')}" if board_url else None
    lines = (texts["robot"],) if alert.withdrawn else _reasons_and_tasks(alert, language)
    if now is not None and alert.expires_at is not None and now > alert.expires_at:
        age = _age(now - parse_time(alert.at), language)
        lines = (texts["expired"].format(age=age, until=_moment(str(alert.expires))), *lines)
    return Message(title, lines, link)


def _reasons_and_tasks(alert: Alert, language: Language) -> tuple[str, ...]:
    texts = _TEXTS[language]
    lines = [f"{texts['why']} :" if language == "fr" else f"{texts['why']}:"] if alert.reasons else []
    lines += [f"  {_points(reason, language)}  {_label(reason, language)}" for reason in alert.reasons]
    to_do = [
        texts.get(verb, verb + " “{name}”").format(name=name)
        for verb, name in alert.actions
        if verb != "alert"
    ]
    if to_do:
        lines.append(f"{texts['do']}{' :' if language == 'fr' else ':'} {', '.join(to_do)}")
    if alert.next_tier:
        tier, at = alert.next_tier["tier"], alert.next_tier["at"]
        lines.append(texts["cools"].format(tier=_tier(tier, language), at=_moment(at)))
    return tuple(lines)


def _who(alert: Alert) -> str:
    """Name, job and company as far as they are known; else the address, else the id.

    >>> from connectors.notify.alert import Alert
    >>> ada = {"first_name": "Ada", "last_name": "Lovelace", "title": "CEO", "company": "Acme"}
    >>> _who(Alert("1", "call-now", "u-42", "hot", 73.2, "2026-11-01T09:00:00Z", traits=ada))
    'Ada Lovelace, CEO (Acme)'
    """
    named = {name: _line(value) for name, value in alert.traits.items() if isinstance(value, str)}
    name = f"{named.get('first_name', '')} {named.get('last_name', '')}".strip()
    who = name or named.get("email") or _line(alert.lead_id)
    if named.get("title"):
        who += f", {named['title']}"
    return f"{who} ({named['company']})" if named.get("company") else who


def _line(value: Any) -> str:
    """A stranger's text on one line: what it says may not look like more of the message."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(value)).split())
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"


def _label(reason: Reason, language: Language) -> str:
    label = reason.label
    if isinstance(label, dict):
        label = label.get(language) or next(iter(label.values()), "")
    return label or reason.criterion


def _tier(tier: str, language: Language) -> str:
    return _TIERS_FR.get(tier, tier) if language == "fr" else tier


def _points(reason: Reason, language: Language) -> str:
    return f"{'−' if reason.points < 0 else '+'}{_number(abs(reason.points), language)}"


def _number(value: float, language: Language) -> str:
    """At most one decimal, with the language's own comma.

    >>> _number(73.25, "fr"), _number(20.0, "en")
    ('73,2', '20')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return text.replace(".", ",") if language == "fr" else text


def _age(age: int, language: Language) -> str:
    """How old an alert is, in the two largest units that say it.

    >>> _age(7_800_000_000, "en"), _age(7_800_000_000, "fr"), _age(183_600_000_000, "fr")
    ('2 h 10', '2 h 10', '2 j 3 h')
    """
    minutes = age // (60 * SECOND)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} {'j' if language == 'fr' else 'd'} {hours} h"
    return f"{hours} h {minutes % 60:02}" if hours else f"{minutes} min"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
