"""What salespeople read in their CRM, in French and English."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SUBJECT: Final = {
    "fr": "LeadHeat : {what} ({score:.0f} points, {tier})",
    "en": "LeadHeat: {what} ({score:.0f} points, {tier})",
}
_WHAT: Final = {"call": {"fr": "appeler", "en": "call"}}
_MOST: Final = 200
"""Letters of a subject: Dataverse takes no more."""


def task_subject(wanted: Sequence[str], alert: Mapping[str, Any], language: str) -> str:
    """What is to be done.

    >>> task_subject(["call"], {"score": 71.6, "to": "hot"}, "fr")
    'LeadHeat : appeler (72 points, hot)'
    """
    what = ", ".join(_WHAT.get(one, {}).get(language, one) for one in wanted)
    return _SUBJECT[language].format(what=what, score=float(alert["score"]), tier=alert["to"])[:_MOST]


def task_text(alert: Mapping[str, Any], language: str) -> str:
    """Why: the alert's reasons, a line each."""
    lines = []
    for reason in alert.get("reasons", ()):
        label = reason.get("label") or reason["criterion"]
        text = label.get(language) or next(iter(label.values()), "") if isinstance(label, Mapping) else label
        lines.append(f"{text} {round(float(reason['points']), 1):+g}")
    return "\n".join(lines)
