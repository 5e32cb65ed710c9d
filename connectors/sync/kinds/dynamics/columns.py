"""The columns of the lead table: which of ours and theirs are there, and making ours."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from connectors.sync.kinds.dynamics.api import Api, error_of

_TABLE: Final = "EntityDefinitions(LogicalName='lead')"
_CRM: Final = "Microsoft.Dynamics.CRM."
_ENGLISH: Final = 1033
_LABELS: Final = {
    "score": "LeadHeat score",
    "grade": "LeadHeat grade",
    "trend": "LeadHeat trend",
    "tier": "LeadHeat tier",
    "reasons": "LeadHeat reasons",
    "lead_id": "LeadHeat lead id",
    "scored_at": "LeadHeat scored at",
}
_LENGTHS: Final = {"grade": 1, "trend": 20, "tier": 100, "lead_id": 400}
_REASONS: Final = 4_000


async def problems(
    api: Api, wanted: Iterable[str], own: Mapping[str, str], *, reads: bool, predictive: bool
) -> list[str]:
    """What is missing, in words."""
    there, tracked = await _there(api)
    found = [
        f"the lead table has no column {name}: take it out of `read`" for name in wanted if name not in there
    ]
    for ours, column in own.items():
        if column not in there:
            found.append(
                f"the lead table has no column {column} for {ours}: `leadheat sync --prepare` makes it"
            )
        elif not there[column]:
            found.append(f"the column {column} for {ours} can't be written: name one of our own")
    if reads and not tracked:
        found.append("the lead table has no change tracking: switch `Track changes` on in Power Apps")
    if predictive:
        answer = await api.call(
            "GET", "EntityDefinitions(LogicalName='msdyn_predictivescore')?$select=LogicalName"
        )
        if answer.status == 404:
            found.append(
                "no table msdyn_predictivescore: install Predictive Scoring, or leave predictive_score out"
            )
        elif answer.status != 200:
            raise error_of(answer)
    return found


async def prepare(api: Api, own: Mapping[str, str], *, do: bool) -> list[str]:
    """Makes what is missing of our own columns; says what."""
    there, _ = await _there(api)
    said = []
    for ours, column in own.items():
        if column in there:
            continue
        if do:
            answer = await api.call("POST", f"{_TABLE}/Attributes", _definition(ours, column))
            if answer.status >= 400:
                raise error_of(answer)
        said.append(f"column {column} on lead ({_definition(ours, column)['AttributeType']}), for {ours}")
    return said


async def _there(api: Api) -> tuple[dict[str, bool], bool]:
    """The columns, whether each can be written, and whether changes are tracked."""
    select = (
        "$select=LogicalName,ChangeTrackingEnabled&$expand=Attributes($select=LogicalName,IsValidForUpdate)"
    )
    answer = await api.call("GET", f"{_TABLE}?{select}")
    if answer.status != 200:
        raise error_of(answer)
    told = answer.json()
    named = {one["LogicalName"]: bool(one["IsValidForUpdate"]) for one in told["Attributes"]}
    return named, bool(told["ChangeTrackingEnabled"])


def _definition(ours: str, column: str) -> dict[str, Any]:
    kind: dict[str, Any]
    if ours == "score":
        kind = {"AttributeType": "Double", "MinValue": -100_000, "MaxValue": 100_000, "Precision": 1}
    elif ours == "reasons":
        kind = {"AttributeType": "Memo", "MaxLength": _REASONS, "Format": "TextArea"}
    elif ours == "scored_at":
        kind = {"AttributeType": "DateTime", "Format": "DateAndTime"}
    else:
        kind = {"AttributeType": "String", "MaxLength": _LENGTHS[ours], "FormatName": {"Value": "Text"}}
    label = {
        "@odata.type": f"{_CRM}Label",
        "LocalizedLabels": [
            {"@odata.type": f"{_CRM}LocalizedLabel", "Label": _LABELS[ours], "LanguageCode": _ENGLISH}
        ],
    }
    return {
        "@odata.type": f"{_CRM}{kind['AttributeType']}AttributeMetadata",
        "SchemaName": column,
        "DisplayName": label,
        "RequiredLevel": {"Value": "None", "CanBeChanged": True},
        **kind,
    }
