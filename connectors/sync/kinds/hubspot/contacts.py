"""Contacts of HubSpot: found, told their scores, read as they change; none is ever created."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.sync.crm import Change, Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import BatchRefusedError, CrmError
from connectors.sync.kinds.hubspot import properties
from connectors.sync.kinds.hubspot.api import SEARCH, Api, error_of, said
from connectors.sync.standing import Standing
from scorer.times import DAY, Micros, format_time, parse_time

_CONTACTS: Final = "/crm/v3/objects/contacts"
_TASKS: Final = "/crm/v3/objects/tasks"
_PAGE: Final = 200
_ARCHIVED_PAGE: Final = 100
_LAG_MS: Final = 120_000
"""How long a search may take to know of a change: so much is read again, and is no news then."""
_ALWAYS: Final = ("email", "lastmodifieddate", "hs_merged_object_ids")
_CONTACT_OF_TASK: Final = 204
"""The type of association from a task to a contact (HubSpot's own)."""


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far contacts were read: by the moment of their last change, since searches end at 10,000 results.

    Pages of a search shift while people change records, so each page is a search of its own.
    """

    since: int = 0
    """Milliseconds; what was changed then or later is asked for."""
    among: int | None = None
    """More than a page was changed in the same millisecond: those with greater ids than this one are left."""
    newest: int = 0
    once: bool = False
    """Whether everything was read once."""
    archived: int = 0
    """When those in the bin were looked through last, in microseconds."""
    bin: str | None = None
    """Where to go on in the bin."""


class Contacts:
    """The contacts of one account."""

    def __init__(self, destination: Destination, api: Api, clock: Callable[[], Micros]) -> None:
        self._destination = destination
        self._api = api
        self._clock = clock
        writes, reads = destination.writes, destination.reads
        self._own = {} if writes is None else writes.fields
        self._traits = {} if reads is None else reads.traits
        self._outcomes = {} if reads is None else reads.outcomes

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """By our properties; HubSpot's values are texts."""
        told = standing.fields() | {"score": _number(standing.score)}
        return {name: told[ours] for ours, name in self._own.items()}

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """By ids and by e-mails, two requests at most."""
        ids = sorted({tie.record for tie in ties if tie.record is not None and tie.record.isdigit()})
        by_id: dict[str, Mapping[str, Any]] = {}
        for contact in await self._read_batch(ids, None):
            merged = str(contact["properties"].get("hs_merged_object_ids") or "").split(";")
            by_id |= dict.fromkeys([*filter(None, merged), contact["id"]], contact)
        emails = sorted({tie.email.lower() for tie in ties if tie.email and tie.record not in by_id})
        by_email = {
            str(contact["properties"].get("email")).lower(): contact
            for contact in await self._read_batch(emails, "email")
        }
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            contact = by_id.get(tie.record or "") or by_email.get((tie.email or "").lower())
            if contact is not None:
                found[tie.lead] = self._found(contact)
        return found

    async def _read_batch(self, ids: Sequence[str], id_property: str | None) -> list[Any]:
        """Whom there is nobody of is among the errors of a 207, and left out here."""
        if not ids:
            return []
        body: dict[str, Any] = {
            "properties": [*_ALWAYS, *self._own.values()],
            "inputs": [{"id": one} for one in ids],
        }
        if id_property is not None:
            body["idProperty"] = id_property
        answer = await self._api.call("POST", f"{_CONTACTS}/batch/read", body)
        if answer.status not in (200, 207):
            raise error_of(answer)
        return [one for one in answer.json()["results"] if not one.get("archived")]

    def _found(self, contact: Mapping[str, Any]) -> Found:
        held = contact["properties"]
        own = {name: held.get(name) for name in self._own.values()}
        if (score := self._own.get("score")) is not None and own[score] is not None:
            own[score] = _number(own[score])
        lead = self._own.get("lead_id")
        return Found(contact["id"], (held.get(lead) if lead else None) or None, held.get("email"), own)

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """batch/update, which creates nobody; a 207 says who was refused, a 400 only that somebody was."""
        inputs = [
            {"id": one.record, "properties": dict(one.values), "objectWriteTraceId": one.trace}
            for one in tellings
        ]
        answer = await self._api.call("POST", f"{_CONTACTS}/batch/update", {"inputs": inputs})
        if answer.status == 200:
            return [None] * len(tellings)
        if answer.status == 207:
            return _results(answer.json(), tellings)
        raise BatchRefusedError(f"HubSpot answers {answer.status}: {said(answer)}")

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """HubSpot knows no id of ours: where the task may be there already, it is looked for first."""
        mark = f"LeadHeat {task.id}"
        if again and await self._has_task(task.record, mark):
            return None
        body = {
            "properties": {
                "hs_timestamp": format_time(task.due),
                "hs_task_subject": task.subject,
                "hs_task_body": f"{task.text}\n{mark}",
                "hs_task_status": "NOT_STARTED",
                "hs_task_type": "CALL",
            },
            "associations": [
                {
                    "to": {"id": task.record},
                    "types": [
                        {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _CONTACT_OF_TASK}
                    ],
                }
            ],
        }
        answer = await self._api.call("POST", _TASKS, body)
        return None if answer.status == 201 else Refusal(f"HubSpot answers {answer.status}: {said(answer)}")

    async def _has_task(self, contact: str, mark: str) -> bool:
        answer = await self._api.call(
            "GET", f"/crm/v4/objects/contacts/{contact}/associations/tasks?limit=500"
        )
        if answer.status != 200:
            raise error_of(answer)
        ids = [str(one["toObjectId"]) for one in answer.json()["results"]]
        for start in range(0, len(ids), 100):
            body = {
                "properties": ["hs_task_body"],
                "inputs": [{"id": one} for one in ids[start : start + 100]],
            }
            answer = await self._api.call("POST", f"{_TASKS}/batch/read", body)
            if answer.status not in (200, 207):
                raise error_of(answer)
            if any(mark in (one["properties"].get("hs_task_body") or "") for one in answer.json()["results"]):
                return True
        return False

    async def read(self, cursor: str | None) -> Page:
        """A page of what was changed; once a day, what is in the bin."""
        at = _Cursor() if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        if at.once and (at.bin is not None or self._clock() - at.archived >= DAY):
            return await self._bin(at)
        contacts = await self._search(at)
        changes = [change for contact in contacts for change in self._changes(contact)]
        whole = len(contacts) < _PAGE and at.among is None
        first = whole and not at.once
        _go_on(at, contacts, self._clock() // 1_000)
        if first:
            at.once, at.archived = True, self._clock()  # the bin of before is nobody's that we know
        return Page(tuple(changes), _encoded(at), more=not whole, whole=first)

    async def _search(self, at: _Cursor) -> list[Any]:
        wanted = [*_ALWAYS, *self._own.values(), *self._traits, *self._outcomes]
        for values in self._outcomes.values():
            wanted += [f"hs_v2_date_entered_{value}" for value in values]
        if at.among is None:
            filters = [_filter("lastmodifieddate", "GTE", at.since)]
            sort = "lastmodifieddate"
        else:
            filters = [_filter("lastmodifieddate", "EQ", at.since), _filter("hs_object_id", "GT", at.among)]
            sort = "hs_object_id"
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": list(dict.fromkeys(wanted)),
            "limit": _PAGE,
        }
        answer = await self._api.call("POST", f"{_CONTACTS}/search", body, SEARCH)
        if answer.status != 200:
            raise error_of(answer)
        return list(answer.json()["results"])

    def _changes(self, contact: Mapping[str, Any]) -> list[Change]:
        held = contact["properties"]
        at = parse_time(held["lastmodifieddate"])
        lead = self._own.get("lead_id")
        stages = {name: held[name] for name in self._outcomes if held.get(name)}
        entered = [held.get(f"hs_v2_date_entered_{value}") for value in stages.values()]
        change = Change(
            record=contact["id"],
            at=at,
            lead=(held.get(lead) if lead else None) or None,
            email=held.get("email") or None,
            traits={ours: held.get(name) or None for name, ours in self._traits.items()},
            stages=stages,
            stage_at=parse_time(entered[0]) if len(entered) == 1 and entered[0] else None,
        )
        merged = str(held.get("hs_merged_object_ids") or "").split(";")
        return [change, *(Change(one, at, merged_into=contact["id"]) for one in merged if one)]

    async def _bin(self, at: _Cursor) -> Page:
        path = f"{_CONTACTS}?archived=true&limit={_ARCHIVED_PAGE}"
        if at.bin:
            path += f"&after={quote(at.bin)}"
        answer = await self._api.call("GET", path)
        if answer.status != 200:
            raise error_of(answer)
        told = answer.json()
        changes = tuple(Change(one["id"], self._clock(), deleted=True) for one in told["results"])
        at.bin = ((told.get("paging") or {}).get("next") or {}).get("after")
        if at.bin is None:
            at.archived = self._clock()
        return Page(changes, _encoded(at), more=True)

    async def check(self) -> list[str]:
        """Access, scopes, the properties."""
        try:
            return await properties.problems(self._api, [*self._traits, *self._outcomes], self._own)
        except CrmError as error:
            return [str(error)]

    async def prepare(self, *, do: bool) -> list[str]:
        """Creates our properties that are missing."""
        return await properties.prepare(self._api, self._own, do=do)


def _go_on(at: _Cursor, contacts: Sequence[Any], now: int) -> None:
    """Where the next search begins."""
    moments = [parse_time(one["properties"]["lastmodifieddate"]) // 1_000 for one in contacts]
    at.newest = max([at.newest, *moments])
    if at.among is not None:
        if len(contacts) == _PAGE:
            at.among = max(int(one["id"]) for one in contacts)
        else:
            at.since, at.among = at.since + 1, None
    elif len(contacts) < _PAGE:
        # Of what was changed long ago a search knows: only then it is not asked for again and again.
        at.since = max(at.newest - _LAG_MS, min(at.newest + 1, now - 5 * _LAG_MS), 0)
    elif moments[-1] == at.since:
        at.among = 0  # a whole page of one millisecond
    else:
        at.since = moments[-1]


def _results(told: Mapping[str, Any], tellings: Sequence[Telling]) -> list[Refusal | None]:
    """Who is among the results was told; errors name ids or traces, or else mean all that are left."""
    done = {str(one["id"]) for one in told.get("results", ())}
    named: dict[str, Refusal] = {}
    others = "no reason given"
    for error in told.get("errors", ()):
        refusal = Refusal(f"{error.get('category', '')}: {error.get('message', '')}"[:500])
        context = error.get("context") or {}
        whose = [*context.get("ids", ()), *context.get("objectWriteTraceId", ())]
        named |= dict.fromkeys(map(str, whose), refusal)
        others = others if whose else refusal.reason
    results: list[Refusal | None] = []
    for one in tellings:
        refusal_ = named.get(one.record) or named.get(one.trace)
        results.append(refusal_ or (None if one.record in done else Refusal(others, again=True)))
    return results


def _filter(name: str, operator: str, value: int) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _encoded(at: _Cursor) -> str:
    return msgspec.json.encode(at).decode()


def _number(value: float | str) -> str:
    """A number as we write it, however HubSpot does.

    >>> _number(50.0), _number("73.20")
    ('50', '73.2')
    """
    try:
        return f"{float(value):.10g}"
    except ValueError:
        return str(value)
