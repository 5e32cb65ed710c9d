"""Reads what a person agreed to from the contexts of Segment's and RudderStack's calls, by purpose."""

from collections.abc import Mapping
from typing import Any, Final

from connectors.ingest.names import field_name

CHANGED: Final = "segment_consent_preference_updated"
"""The event, in snake case, by which Segment's libraries tell that somebody chose anew."""

_MOST_PURPOSES: Final = 50


def consent_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """What was given and refused, by purpose; empty where the context says nothing of it.

    >>> consent_of({"consent": {"categoryPreferences": {"Advertising": False, "Analytics": True}}})
    {'advertising': False, 'analytics': True}
    >>> consent_of({"consentManagement": {"allowedConsentIds": ["C0001"], "deniedConsentIds": ["C0002"]}})
    {'c0001': True, 'c0002': False}
    >>> consent_of({"consent": {"tracking": True, "at": "2026-11-01T09:00:00Z"}})
    {'tracking': True, 'at': '2026-11-01T09:00:00Z'}
    """
    told = context.get("consent")
    if isinstance(told, Mapping):
        by_category = told.get("categoryPreferences")
        found = dict((by_category if isinstance(by_category, Mapping) else told).items())
    else:
        management = context.get("consentManagement")
        found = _by_lists(management) if isinstance(management, Mapping) else {}
    plain = {name: value for name, value in found.items() if isinstance(value, bool | str | int | float)}
    return {field_name(name): value for name, value in list(plain.items())[:_MOST_PURPOSES]}


def _by_lists(management: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in (("allowedConsentIds", True), ("deniedConsentIds", False)):
        listed = management.get(name)
        if isinstance(listed, list):
            found |= {purpose: given for purpose in listed if isinstance(purpose, str)}
    return found
