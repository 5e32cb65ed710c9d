"""The properties of contacts: which of ours and theirs are there, and making ours."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from connectors.sync.kinds.hubspot.api import Api, error_of

_PATH: Final = "/crm/v3/properties/contacts"
_GROUP: Final = "leadheat"
_KINDS: Final = {
    "score": ("number", "number", "LeadHeat score"),
    "grade": ("string", "text", "LeadHeat grade"),
    "trend": ("string", "text", "LeadHeat trend"),
    "tier": ("string", "text", "LeadHeat tier"),
    "reasons": ("string", "textarea", "LeadHeat reasons"),
    "lead_id": ("string", "text", "LeadHeat lead id"),
    "scored_at": ("datetime", "date", "LeadHeat scored at"),
}
_THERE_ALREADY: Final = 409


async def problems(api: Api, wanted: Iterable[str], own: Mapping[str, str]) -> list[str]:
    """What is missing, in words."""
    there = await _there(api)
    found = [
        f"contacts have no property {name}: take it out of `read`" for name in wanted if name not in there
    ]
    for ours, name in own.items():
        if name not in there:
            found.append(f"contacts have no property {name} for {ours}: `leadheat sync --prepare` makes it")
        elif not there[name]:
            found.append(f"the property {name} for {ours} can't be written: name one of our own")
    return found


async def prepare(api: Api, own: Mapping[str, str], *, do: bool) -> list[str]:
    """Makes what is missing of our own properties, in a group of their own; says what."""
    there = await _there(api)
    missing = {ours: name for ours, name in own.items() if name not in there}
    if do and missing:
        await _make(api, f"{_PATH}/groups", {"name": _GROUP, "label": "LeadHeat"})
    for ours, name in missing.items():
        if do:
            kind, field, label = _KINDS[ours]
            told = {"name": name, "label": label, "groupName": _GROUP, "type": kind, "fieldType": field}
            await _make(api, _PATH, told)
    return [f"property {name} of contacts ({_KINDS[ours][0]}), for {ours}" for ours, name in missing.items()]


async def _make(api: Api, path: str, told: Mapping[str, Any]) -> None:
    answer = await api.call("POST", path, told)
    if answer.status >= 400 and answer.status != _THERE_ALREADY:
        raise error_of(answer)


async def _there(api: Api) -> dict[str, bool]:
    """The properties, and whether each can be written."""
    answer = await api.call("GET", _PATH)
    if answer.status != 200:
        raise error_of(answer)
    return {
        one["name"]: not (one.get("modificationMetadata") or {}).get("readOnlyValue", False)
        for one in answer.json()["results"]
    }
