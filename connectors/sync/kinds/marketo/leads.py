"""People of Marketo: found, told their scores, read as they change; none is ever created."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.sync.crm import Change, Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import BatchRefusedError, CrmError
from connectors.sync.kinds.marketo.api import Api, RefusedError
from connectors.sync.standing import Standing
from scorer.times import DAY, SECOND, Micros, format_time, parse_time

_PAGE: Final = 300
_FIRST: Final = 90 * DAY
"""How far the first reading goes back: nothing lists everybody."""
_HOUR: Final = 3_600 * SECOND
_DELETED_DAYS: Final = 13 * DAY
"""Marketo tells of deletions for 14 days."""
_KINDS: Final = {
    "score": ("float", "LeadHeat score"),
    "grade": ("string", "LeadHeat grade"),
    "trend": ("string", "LeadHeat trend"),
    "tier": ("string", "LeadHeat tier"),
    "reasons": ("text", "LeadHeat reasons"),
    "lead_id": ("string", "LeadHeat lead id"),
    "scored_at": ("datetime", "LeadHeat scored at"),
}


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far the log of changes was read, and the one of deletions."""

    changes: str | None = None
    deletions: str | None = None
    looked: int = 0
    """When deletions were read last."""


class Leads:
    """The people of one subscription."""

    def __init__(self, destination: Destination, api: Api, clock: Callable[[], Micros]) -> None:
        self._api = api
        self._clock = clock
        writes, reads = destination.writes, destination.reads
        self._own = {} if writes is None else writes.fields
        self._traits = {} if reads is None else reads.traits
        self._stages = [] if reads is None else list(reads.outcomes)

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """By our fields."""
        told = standing.fields()
        return {field: told[ours] for ours, field in self._own.items()}

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """By ids and by e-mails, two calls at the least."""
        own = list(self._own.values())
        ids = {tie.record for tie in ties if tie.record is not None and tie.record.isdigit()}
        by_id = {str(one["id"]): one for one in await self._where("id", ids, own)}
        emails = {tie.email.lower() for tie in ties if tie.email and tie.record not in by_id}
        by_email: dict[str, list[Mapping[str, Any]]] = {}
        for one in await self._where("email", {email for email in emails if "," not in email}, own):
            by_email.setdefault(str(one.get("email")).lower(), []).append(one)
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            held = by_id.get(tie.record or "")
            if held is not None:
                found[tie.lead] = self._found(held)
            elif tie.email and (some := by_email.get(tie.email.lower())):
                found[tie.lead] = self._one_of(some, tie)
        return found

    async def _where(self, field: str, values: set[str], wanted: Sequence[str]) -> list[Mapping[str, Any]]:
        """Of more values than a call takes, some at a time; of more people than a page, all."""
        found: list[Mapping[str, Any]] = []
        listed = sorted(values)
        for start in range(0, len(listed), _PAGE):
            asked: dict[str, str | int] = {
                "filterType": field,
                "filterValues": ",".join(listed[start : start + _PAGE]),
                "fields": ",".join(dict.fromkeys(("id", "email", "updatedAt", *wanted))),
                "batchSize": _PAGE,
            }
            while True:
                told = await self._api.ask("leads.json", asked)
                found += told.get("result", ())
                if not told.get("nextPageToken"):
                    break
                asked["nextPageToken"] = told["nextPageToken"]
        return found

    def _found(self, row: Mapping[str, Any]) -> Found:
        own = {field: row.get(field) for field in self._own.values()}
        lead = self._own.get("lead_id")
        named = row.get(lead) if lead else None
        return Found(str(row["id"]), named or None, row.get("email"), own)

    def _one_of(self, rows: Sequence[Mapping[str, Any]], tie: Tie) -> Found | Refusal:
        """Of people with one e-mail: the one that is ours already, else the only one."""
        names, lead = {tie.lead, *tie.identities}, self._own.get("lead_id")
        own = [row for row in rows if lead and row.get(lead) in names]
        if len(some := own or rows) == 1:
            return self._found(some[0])
        return Refusal("several people have this e-mail there: merge them, or tie the lead by the id's trait")

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """Sync Leads, `updateOnly` by id: whom there isn't is skipped, each with reasons."""
        body = {
            "action": "updateOnly",
            "lookupField": "id",
            "input": [{"id": int(one.record), **one.values} for one in tellings],
        }
        try:
            told = await self._api.post("leads.json", body)
        except RefusedError as error:
            raise BatchRefusedError(str(error)) from None
        results = told.get("result", ())
        if len(results) != len(tellings):
            raise CrmError(f"a batch of {len(tellings)} got {len(results)} results")
        return [_refusal(one) for one in results]

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """There are none in Marketo; no sync file asks for one."""
        raise NotImplementedError

    async def read(self, cursor: str | None) -> Page:
        """The log of changes of the fields that we read, so none of our own; deletions every hour."""
        at = _Cursor() if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        if at.changes is None:
            at.changes = await self._token(_FIRST)
        elif at.looked and self._clock() - at.looked >= _HOUR:
            return await self._deletions(at)
        at.looked = at.looked or self._clock()
        fields = ",".join(dict.fromkeys((*self._traits, *self._stages)))
        asked: dict[str, str | int] = {"nextPageToken": at.changes, "fields": fields, "batchSize": _PAGE}
        told = await self._api.get("activities/leadchanges.json", asked)
        ids = {str(one["leadId"]) for one in told.get("result", ())}
        rows = await self._where("id", ids, self._wanted())
        at.changes = str(told["nextPageToken"])
        return Page(tuple(map(self._change, rows)), _encoded(at), more=bool(told.get("moreResult")))

    async def _deletions(self, at: _Cursor) -> Page:
        if at.deletions is None:
            at.deletions = await self._token(min(_DELETED_DAYS, self._clock() - at.looked + _HOUR))
        told = await self._api.get(
            "activities/deletedleads.json", {"nextPageToken": at.deletions, "batchSize": _PAGE}
        )
        changes = tuple(
            Change(str(one["leadId"]), parse_time(one["activityDate"]), deleted=True)
            for one in told.get("result", ())
        )
        at.deletions = str(told["nextPageToken"])
        if not told.get("moreResult"):
            at.looked = self._clock()
        return Page(changes, _encoded(at), more=True)

    async def _token(self, before: int) -> str:
        since = format_time(self._clock() - before)[:19] + "Z"
        told = await self._api.get("activities/pagingtoken.json", {"sinceDatetime": since})
        return str(told["nextPageToken"])

    def _wanted(self) -> list[str]:
        own = [self._own["lead_id"]] if "lead_id" in self._own else []
        return [*own, *self._traits, *self._stages]

    def _change(self, row: Mapping[str, Any]) -> Change:
        lead = self._own.get("lead_id")
        return Change(
            record=str(row["id"]),
            at=parse_time(row["updatedAt"]),
            lead=(row.get(lead) if lead else None) or None,
            email=row.get("email") or None,
            traits={ours: _value(row.get(field)) for field, ours in self._traits.items()},
            stages={name: row[name] for name in self._stages if row.get(name) is not None},
        )

    async def check(self) -> list[str]:
        """Access, and the fields."""
        try:
            there = await self._there()
        except CrmError as error:
            return [str(error)]
        wanted = [*self._traits, *self._stages]
        found = [f"people have no field {one}: take it out of `read`" for one in wanted if one not in there]
        for ours, field in self._own.items():
            if field not in there:
                found.append(f"people have no field {field} for {ours}: `leadheat sync --prepare` makes it")
            elif not there[field]:
                found.append(f"the field {field} for {ours} can't be written: name one of our own")
        return found

    async def prepare(self, *, do: bool) -> list[str]:
        """Creates our fields that are missing."""
        there = await self._there()
        missing = {ours: field for ours, field in self._own.items() if field not in there}
        if do and missing:
            body = {
                "input": [
                    {"name": field, "displayName": _KINDS[ours][1], "dataType": _KINDS[ours][0]}
                    for ours, field in missing.items()
                ]
            }
            told = await self._api.post("leads/schema/fields.json", body)
            for one in told.get("result", ()):
                if (refusal := _refusal(one)) is not None:
                    raise CrmError(f"Marketo makes no field {one.get('name', '')}: {refusal.reason}")
        return [f"field {field} of people ({_KINDS[ours][0]}), for {ours}" for ours, field in missing.items()]

    async def _there(self) -> dict[str, bool]:
        """The fields, and whether each can be written."""
        told = await self._api.get("leads/describe.json")
        rest = [one["rest"] for one in told["result"] if "rest" in one]
        return {one["name"]: not one["readOnly"] for one in rest}


def _refusal(result: Mapping[str, Any]) -> Refusal | None:
    if result.get("status") in ("updated", "created"):
        return None
    reasons = result.get("reasons") or [{}]
    words = "; ".join(f"{one.get('code', '')}: {one.get('message', '')}" for one in reasons)
    return Refusal(words[:500])


def _value(value: Any) -> Any:
    """An empty text is no value."""
    return None if isinstance(value, str) and not value.strip() else value


def _encoded(at: _Cursor) -> str:
    return msgspec.json.encode(at).decode()
