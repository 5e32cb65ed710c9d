"""Leads of Dynamics 365: found, told their scores, read as they change; none is ever created."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.sync.crm import Change, Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import CrmError, CursorExpiredError
from connectors.sync.kinds.dynamics import columns
from connectors.sync.kinds.dynamics.api import Api, Operation, Result, error_of, result_of
from connectors.sync.standing import GRADES, TRENDS, Standing
from scorer.times import Micros, format_time, parse_time

_LEAD: Final = "Microsoft.Dynamics.CRM.lead"
_ALWAYS: Final = ("leadid", "emailaddress1", "modifiedon", "statecode", "merged", "_masterid_value")
_LEADS: Final = "leads"
_OPPORTUNITIES: Final = "opportunities"
_PAGE: Final = 500
_MOST_MASTERS: Final = 5
"""Merges that are followed: A into B, B into C; more of them would be a circle."""
_MISSING: Final = 404
_REASONS: Final = 10_000
"""Letters of msdyn_scorereasons (msdyn_predictivescore, table reference)."""
_OPPORTUNITY: Final = "opportunity."
"""Before the names of an opportunity's fields among the outcomes."""


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far each table was read."""

    table: str = _LEADS
    """The one to go on with."""
    links: dict[str, str] = {}
    whole: list[str] = []
    """Tables that were read once as a whole: their links are delta links."""


class Leads:
    """The lead table of one environment."""

    def __init__(
        self, destination: Destination, api: Api, clock: Callable[[], Micros], *, predictive: bool
    ) -> None:
        self._destination = destination
        self._api = api
        self._clock = clock
        self._predictive = predictive
        writes, reads = destination.writes, destination.reads
        self._own = {} if writes is None else writes.fields
        self._traits = {} if reads is None else reads.traits
        outcomes = {} if reads is None else reads.outcomes
        self._stages = [name for name in outcomes if not name.startswith(_OPPORTUNITY)]
        self._deals = [name.removeprefix(_OPPORTUNITY) for name in outcomes if name.startswith(_OPPORTUNITY)]

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """By our columns."""
        said = standing.fields()
        return {column: said[ours] for ours, column in self._own.items()}

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """By ids and by e-mails, at most two requests, and one more where leads were merged."""
        by_id = await self._by_id({tie.record for tie in ties if tie.record is not None})
        emails = {tie.email.lower() for tie in ties if tie.email and tie.record not in by_id}
        by_email = await self._by_email(emails)
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            if tie.record is not None and tie.record in by_id:
                found[tie.lead] = self._found(by_id[tie.record])
            elif tie.email and (rows := by_email.get(tie.email.lower())):
                found[tie.lead] = self._one_of(rows, tie)
        return found

    async def _by_id(self, ids: set[str]) -> dict[str, Mapping[str, Any]]:
        """The rows by the ids that were asked for; of merged ones, those that they were merged into."""
        rows = {row["leadid"]: row for row in await self._where("leadid", ids)}
        for _ in range(_MOST_MASTERS):
            masters = {row["_masterid_value"] for row in rows.values() if _merged(row)} - rows.keys()
            if not masters:
                break
            rows |= {row["leadid"]: row for row in await self._where("leadid", masters)}
        found = {}
        for asked in ids:
            row = rows.get(asked)
            for _ in range(_MOST_MASTERS):
                if row is None or not _merged(row):
                    break
                row = rows.get(row["_masterid_value"])
            if row is not None and not _merged(row):
                found[asked] = row
        return found

    async def _by_email(self, emails: set[str]) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in await self._where("emailaddress1", emails):
            if not _merged(row):
                found.setdefault(str(row.get("emailaddress1")).lower(), []).append(row)
        return found

    async def _where(self, column: str, values: set[str]) -> list[Mapping[str, Any]]:
        """Rows that have one of the values in a column (the query function In)."""
        if not values:
            return []
        listed = ",".join(f"'{one.replace(chr(39), chr(39) * 2)}'" for one in sorted(values))
        condition = f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{listed}])"
        select = ",".join(dict.fromkeys((*_ALWAYS, *self._own.values())))
        link = f"leads?$select={select}&$filter={quote(condition, safe='')}"
        rows: list[Mapping[str, Any]] = []
        while link:
            answer = await self._api.call("GET", link)
            if answer.status != 200:
                raise error_of(answer)
            told = answer.json()
            rows += told["value"]
            link = told.get("@odata.nextLink", "")
        return rows

    def _found(self, row: Mapping[str, Any]) -> Found:
        own = {column: row.get(column) for column in self._own.values()}
        if self._predictive:
            own = {}  # the predictive score isn't looked up: what is the same is written once more
        return Found(row["leadid"], _text(row, self._own.get("lead_id")), _text(row, "emailaddress1"), own)

    def _one_of(self, rows: Sequence[Mapping[str, Any]], tie: Tie) -> Found | Refusal:
        """Of leads with one e-mail: the one that is ours already, else the only one that is open."""
        names = {tie.lead, *tie.identities}
        own = [row for row in rows if _text(row, self._own.get("lead_id")) in names]
        open_ = [row for row in rows if row.get("statecode") == 0]
        for some in (own, open_, rows):
            if len(some) == 1:
                return self._found(some[0])
            if some:
                break
        return Refusal("several leads have this e-mail there: merge them, or tie the lead by the id's trait")

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """All at once, which is undone where one fails; then each for itself."""
        results: list[Refusal | None] = [None] * len(tellings)
        if self._own:
            results = await self._update(tellings)
        if self._predictive:
            open_ = [index for index, refusal in enumerate(results) if refusal is None]
            answers = await self._api.batch([_predictive(tellings[index]) for index in open_])
            for index, answer in zip(open_, answers, strict=True):
                results[index] = _refusal(answer)
        return results

    async def _update(self, tellings: Sequence[Telling]) -> list[Refusal | None]:
        targets = [{"@odata.type": _LEAD, "leadid": one.record, **one.values} for one in tellings]
        answer = await self._api.call(
            "POST", f"leads/{_LEAD.rpartition('.')[0]}.UpdateMultiple", {"Targets": targets}
        )
        if answer.status < 400:
            return [None] * len(tellings)
        # If-Match: * or it would be an upsert, that creates a lead where there is none any more.
        operations = [
            Operation("PATCH", f"leads({one.record})", one.values, {"If-Match": "*"}) for one in tellings
        ]
        return [_refusal(result) for result in await self._api.batch(operations)]

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """Under an id of our own, so that a second one is refused there (412)."""
        id_ = uuid.uuid5(uuid.NAMESPACE_URL, f"leadheat:{self._destination.name}:{task.id}")
        body = {
            "subject": task.subject,
            "description": task.text,
            "scheduledend": format_time(task.due),
            "regardingobjectid_lead_task@odata.bind": f"/leads({task.record})",
        }
        answer = await self._api.call("PATCH", f"tasks({id_})", body, {"If-None-Match": "*"})
        return None if answer.status == 412 else _refusal(result_of(answer))

    async def read(self, cursor: str | None) -> Page:
        """Leads by their delta link, then the opportunities by theirs, if any outcome comes of them."""
        at = _Cursor() if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        table = at.table
        first = table not in at.whole
        prefer = f"odata.maxpagesize={_PAGE}" + (",odata.track-changes" if first else "")
        link = at.links.get(table)
        answer = await self._api.call("GET", link or self._start(table), headers={"Prefer": prefer})
        if answer.status in (400, 410) and link is not None:
            # Which error an expired token gets isn't documented; a link of their own that they refuse is one.
            raise CursorExpiredError(result_of(answer).message)
        if answer.status != 200:
            raise error_of(answer)
        told = answer.json()
        take = self._lead if table == _LEADS else self._opportunity
        changes = tuple(change for row in told["value"] if (change := take(row)) is not None)
        next_link = told.get("@odata.nextLink")
        at.links[table] = next_link or told["@odata.deltaLink"]
        if next_link is None:
            at.whole = sorted({*at.whole, table})
            at.table = _OPPORTUNITIES if table == _LEADS and self._deals else _LEADS
        return Page(
            changes,
            msgspec.json.encode(at).decode(),
            more=next_link is not None or at.table != _LEADS,
            whole=next_link is None and first and table == _LEADS,
        )

    def _start(self, table: str) -> str:
        if table == _LEADS:
            own = (self._own["lead_id"],) if "lead_id" in self._own else ()
            named = (*_ALWAYS, *own, *self._traits, *self._stages)
        else:
            named = (
                "opportunityid",
                "modifiedon",
                "actualclosedate",
                "_originatingleadid_value",
                *self._deals,
            )
        return f"{table}?$select={','.join(dict.fromkeys(named))}"

    def _lead(self, row: Mapping[str, Any]) -> Change | None:
        if _deleted(row):
            return Change(str(row["id"]), self._clock(), deleted=True)
        at = parse_time(row["modifiedon"])
        return Change(
            record=row["leadid"],
            at=at,
            lead=_text(row, self._own.get("lead_id")),
            email=_text(row, "emailaddress1"),
            traits={ours: _value(row.get(column)) for column, ours in self._traits.items()},
            stages={name: row[name] for name in self._stages if row.get(name) is not None},
            merged_into=row["_masterid_value"] if _merged(row) else None,
        )

    def _opportunity(self, row: Mapping[str, Any]) -> Change | None:
        if _deleted(row) or row.get("_originatingleadid_value") is None:
            return None  # what was won stays won
        closed = row.get("actualclosedate")
        return Change(
            record=f"opportunity:{row['opportunityid']}",
            at=parse_time(row["modifiedon"]),
            stages={_OPPORTUNITY + name: row[name] for name in self._deals if row.get(name) is not None},
            stage_at=parse_time(f"{closed}T00:00:00Z") if closed and len(closed) == 10 else None,
            of=row["_originatingleadid_value"],
        )

    async def check(self) -> list[str]:
        """Access, the columns, change tracking, the predictive score's table."""
        try:
            answer = await self._api.call("GET", "WhoAmI")
            if answer.status != 200:
                return [str(error_of(answer))]
            reads = self._destination.reads is not None
            return await columns.problems(
                self._api, [*self._traits, *self._stages], self._own, reads=reads, predictive=self._predictive
            )
        except CrmError as error:
            return [str(error)]

    async def prepare(self, *, do: bool) -> list[str]:
        """Creates our columns that are missing."""
        return await columns.prepare(self._api, self._own, do=do)


def _predictive(telling: Telling) -> Operation:
    """An upsert by the key of lead and table: it may create a score; the lead is known to be there."""
    said = telling.standing
    body = {
        "msdyn_score": round(said.score),
        "msdyn_grade": GRADES.index(said.grade),
        "msdyn_scoretrend": TRENDS.index(said.trend),
        "msdyn_scorereasons": "\n".join(said.reasons)[:_REASONS],
        "msdyn_scoredon": format_time(said.at)[:10],
    }
    return Operation(
        "PATCH", f"msdyn_predictivescores(msdyn_entityid='{telling.record}',msdyn_entitytype='lead')", body
    )


def _refusal(result: Result) -> Refusal | None:
    if result.done:
        return None
    if result.status == _MISSING:
        return Refusal("the lead is there no more")
    return Refusal(
        f"{result.code} {result.message}".strip(), again=result.status in (409, 429) or result.status >= 500
    )


def _merged(row: Mapping[str, Any]) -> bool:
    return bool(row.get("merged")) and row.get("_masterid_value") is not None


def _deleted(row: Mapping[str, Any]) -> bool:
    return str(row.get("@odata.context", "")).endswith("$deletedEntity")


def _text(row: Mapping[str, Any], column: str | None) -> str | None:
    value = row.get(column) if column is not None else None
    return value if isinstance(value, str) and value.strip() else None


def _value(value: Any) -> Any:
    """An empty text is no value."""
    return None if isinstance(value, str) and not value.strip() else value
