"""Numbers, moments and names as people read them in French or English, on one line."""

from datetime import datetime, tzinfo
from typing import Any, Final

from connectors.notify.config import Language
from scorer.times import SECOND

MOST_TEXT: Final = 200
"""Characters of a trait; a form's field may hold a novel."""
_TIERS_FR: Final = {"cold": "froid", "warm": "tiède", "hot": "chaud"}
"""Names of the usual tiers; any other is shown as the grid calls it."""


def line(value: Any) -> str:
    """A stranger's text on one line: what it says may not look like more of the message.

    >>> line("Ada\\n\\x1b[31m Lovelace")
    'Ada [31m Lovelace'
    """
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(value)).split())
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def tier(name: str, language: Language) -> str:
    """A tier's name."""
    return _TIERS_FR.get(name, line(name)) if language == "fr" else line(name)


def number(value: float, language: Language) -> str:
    """At most one decimal, with the language's own comma.

    >>> number(73.25, "fr"), number(20.0, "en")
    ('73,2', '20')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return text.replace(".", ",") if language == "fr" else text


def points(value: float, language: Language) -> str:
    """With its sign.

    >>> points(-15, "en")
    '−15'
    """
    return f"{'−' if value < 0 else '+'}{number(abs(value), language)}"


def span(length: int, language: Language) -> str:
    """A length of time, in the two largest units that say it.

    >>> span(7_800_000_000, "en"), span(7_800_000_000, "fr"), span(183_600_000_000, "fr")
    ('2 h 10', '2 h 10', '2 j 3 h')
    >>> span(86_400_000_000, "en"), span(14_400_000_000, "en")
    ('1 d', '4 h')
    """
    minutes = length // (60 * SECOND)
    hours, left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if days:
        whole = f"{days} {'j' if language == 'fr' else 'd'}"
        return f"{whole} {hours_left} h" if hours_left else whole
    if hours:
        return f"{hours} h {left:02}" if left else f"{hours} h"
    return f"{left} min"


def moment(text: str, zone: tzinfo) -> str:
    """A moment of a record, on the clock of the zone.

    >>> from datetime import UTC
    >>> moment("2026-11-01T09:00:00Z", UTC)
    '2026-11-01 09:00 UTC'
    """
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M %Z}"
