"""Leads of Salesforce: found, told their scores, read as they change; none is ever created."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.sync.crm import Change, Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import BatchRefusedError, CrmError, CursorExpiredError
from connectors.sync.kinds.salesforce.api import Api, error_of, said, select, text
from connectors.sync.standing import Standing
from scorer.times import DAY, SECOND, Micros, format_time, parse_time

_ALWAYS: Final = ("Id", "Email", "SystemModstamp", "IsDeleted", "IsConverted", "MasterRecordId")
_PAGE: Final = 500
_MINUTE: Final = 60 * SECOND
_MOST_QUERY: Final = 10_000
"""Letters of a query's list: an address of more than 16,384 bytes is refused."""
_MOST_MASTERS: Final = 5
_FEED_LASTS: Final = 29 * DAY
"""The feeds go back 30 days; what is older than this is read anew as a whole."""
_OVERLAP: Final = 5 * _MINUTE
"""How much before the first reading the feed begins: clocks differ."""
_AGAIN: Final = frozenset({"UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE"})
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_KINDS: Final = {
    "score": "Number(16, 1)",
    "grade": "Text(1)",
    "trend": "Text(20)",
    "tier": "Text(100)",
    "reasons": "Long Text Area(4000)",
    "lead_id": "Text(255)",
    "scored_at": "Date/Time",
}


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far leads were read."""

    after: str | None = ""
    """Reading everything: the last id that was read. None: everything was read once."""
    since: int = 0
    """From when on the feeds are asked."""
    until: int = 0
    """Up to when, while several pages of ids are gone through; 0: the next look begins anew."""
    among: str = ""
    """Of this look's ids, those up to this one are done."""


class Leads:
    """The leads of one organisation."""

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
        """By ids, those that were merged away by their masters, and by e-mails."""
        ids = {tie.lead: full_id(tie.record) for tie in ties if tie.record is not None}
        by_id = await self._by_id({id_ for id_ in ids.values() if id_ is not None})
        left = [tie for tie in ties if by_id.get(ids.get(tie.lead) or "") is None and tie.email]
        by_email: dict[str, list[Mapping[str, Any]]] = {}
        emails = {tie.email.lower() for tie in left if tie.email}
        for row in await self._where("Email", emails):
            by_email.setdefault(str(row.get("Email")).lower(), []).append(row)
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            held = by_id.get(ids.get(tie.lead) or "")
            if held is not None:
                found[tie.lead] = self._found(held)
            elif tie.email and (rows := by_email.get(tie.email.lower())):
                found[tie.lead] = self._one_of(rows, tie)
        return found

    async def _by_id(self, ids: set[str]) -> dict[str, Mapping[str, Any]]:
        """The leads that can be written to, by the ids that were asked for."""
        rows = {str(row["Id"]): row for row in await self._where("Id", ids, deleted=True)}
        for _ in range(_MOST_MASTERS):
            masters = {str(row["MasterRecordId"]) for row in rows.values() if _merged(row)} - rows.keys()
            if not masters:
                break
            rows |= {str(row["Id"]): row for row in await self._where("Id", masters, deleted=True)}
        found = {}
        for asked in ids:
            row = rows.get(asked)
            for _ in range(_MOST_MASTERS):
                if row is None or not _merged(row):
                    break
                row = rows.get(row["MasterRecordId"])
            if row is not None and _open(row):
                found[asked] = row
        return found

    async def _where(self, field: str, values: set[str], *, deleted: bool = False) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        wanted = (*_ALWAYS, *self._own.values())
        for some in _chunks(sorted(values)):
            soql = select(wanted, "Lead", f"WHERE {field} IN ({','.join(map(text, some))})")
            rows += await self._api.query(soql, deleted=deleted)
        return rows if deleted else [row for row in rows if _open(row)]

    def _found(self, row: Mapping[str, Any]) -> Found:
        own = {field: _plain(row.get(field)) for field in self._own.values()}
        return Found(row["Id"], _text(row, self._own.get("lead_id")), _text(row, "Email"), own)

    def _one_of(self, rows: Sequence[Mapping[str, Any]], tie: Tie) -> Found | Refusal:
        """Of leads with one e-mail: the one that is ours already, else the only one."""
        names = {tie.lead, *tie.identities}
        own = [row for row in rows if _text(row, self._own.get("lead_id")) in names]
        if len(some := own or rows) == 1:
            return self._found(some[0])
        return Refusal("several leads have this e-mail there: merge them, or tie the lead by the id's trait")

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """sObject Collections: each for itself, results in the order of the records; it creates nobody."""
        records = [{"attributes": {"type": "Lead"}, "id": one.record, **one.values} for one in tellings]
        answer = await self._api.call("PATCH", "composite/sobjects", {"allOrNone": False, "records": records})
        if answer.status != 200:
            told = said(answer)
            raise BatchRefusedError(f"Salesforce answers {answer.status} {told.code}: {told.message}")
        results = answer.json()
        if len(results) != len(tellings):
            raise CrmError(f"a batch of {len(tellings)} got {len(results)} results")
        return [_refusal(one) for one in results]

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """Salesforce knows no id of ours: where the task may be there already, it is looked for first."""
        mark = f"LeadHeat {task.id}"
        if again:
            held = await self._api.query(
                select(("Description",), "Task", f"WHERE WhoId = {text(task.record)}")
            )
            if any(mark in (row.get("Description") or "") for row in held):
                return None
        body = {
            "WhoId": task.record,
            "Subject": task.subject,
            "Description": f"{task.text}\n{mark}",
            "ActivityDate": format_time(task.due)[:10],
        }
        answer = await self._api.call("POST", "sobjects/Task", body)
        if answer.status == 201:
            return None
        told = said(answer)
        return Refusal(f"{told.code}: {told.message}", again=told.code in _AGAIN)

    async def read(self, cursor: str | None) -> Page:
        """Everything once, by ids in order; from then on what the feeds of changes and deletions say."""
        at = _Cursor() if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        return await (self._changed(at) if at.after is None else self._everything(at, at.after))

    async def _everything(self, at: _Cursor, after: str) -> Page:
        at.since = at.since or self._clock() - _OVERLAP
        condition = f"WHERE Id > {text(after)} " if after else ""
        rows = await self._api.query(select(self._wanted(), "Lead", f"{condition}ORDER BY Id LIMIT {_PAGE}"))
        more = len(rows) == _PAGE
        at.after = str(rows[-1]["Id"]) if more else None
        return Page(tuple(map(self._change, rows)), _encoded(at), more=more, whole=not more)

    async def _changed(self, at: _Cursor) -> Page:
        now = self._clock()
        if now - at.since > _FEED_LASTS:
            raise CursorExpiredError("the last look is older than Salesforce's feeds go back")
        until = at.until or (now // _MINUTE + 1) * _MINUTE
        told = await self._feed("updated", at.since, until)
        ids = sorted(one for one in told["ids"] if one > at.among)
        some, more = ids[:_PAGE], len(ids) > _PAGE
        rows = await self._rows(some)
        changes = [self._change(row) for row in rows if not row.get("IsDeleted")]
        if more:
            at.until, at.among = until, some[-1]
            return Page(tuple(changes), _encoded(at), more=True)
        gone = await self._feed("deleted", at.since, until)
        changes += await self._deleted([one["id"] for one in gone["deletedRecords"]])
        covered = min(_moment(one["latestDateCovered"]) for one in (told, gone))
        at.since, at.until, at.among = max(at.since, covered), 0, ""
        return Page(tuple(changes), _encoded(at))

    async def _feed(self, which: str, since: int, until: int) -> Any:
        """Seconds are cut off there, on both sides: what is told twice is no news."""
        start, end = (
            quote(f"{format_time(Micros(moment))[:19]}+00:00", safe="") for moment in (since, until)
        )
        answer = await self._api.call("GET", f"sobjects/Lead/{which}/?start={start}&end={end}")
        if answer.status == 200:
            return answer.json()
        if said(answer).code in ("INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"):
            raise CursorExpiredError(said(answer).message)
        raise error_of(answer)

    async def _deleted(self, ids: Sequence[str]) -> list[Change]:
        found = []
        rows = {str(row["Id"]): row for row in await self._rows(ids)}
        for id_ in ids:
            row = rows.get(id_)
            if row is None:
                found.append(Change(id_, self._clock(), deleted=True))
            elif _merged(row):
                found.append(msgspec.structs.replace(self._change(row), merged_into=row["MasterRecordId"]))
            elif row.get("IsDeleted"):  # else it is there again
                found.append(Change(id_, _moment(row["SystemModstamp"]), deleted=True))
        return found

    async def _rows(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        for some in _chunks(ids):
            soql = select(self._wanted(), "Lead", f"WHERE Id IN ({','.join(map(text, some))})")
            rows += await self._api.query(soql, deleted=True)
        return rows

    def _wanted(self) -> Sequence[str]:
        own = (self._own["lead_id"],) if "lead_id" in self._own else ()
        return (*_ALWAYS, *own, *self._traits, *self._stages)

    def _change(self, row: Mapping[str, Any]) -> Change:
        return Change(
            record=row["Id"],
            at=_moment(row["SystemModstamp"]),
            lead=_text(row, self._own.get("lead_id")),
            email=_text(row, "Email"),
            traits={ours: _plain(row.get(field)) for field, ours in self._traits.items()},
            stages={name: _stage(row[name]) for name in self._stages if row.get(name) is not None},
        )

    async def check(self) -> list[str]:
        """Access, and the fields."""
        try:
            there = await self._there()
        except CrmError as error:
            return [str(error)]
        wanted = [*self._traits, *self._stages]
        found = [f"Lead has no field {one}: take it out of `read`" for one in wanted if one not in there]
        for ours, field in self._own.items():
            if field not in there:
                found.append(
                    f"Lead has no field {field} for {ours} that we may see: "
                    f"make it as {_KINDS[ours]}, and let the app's user edit it"
                )
            elif not there[field]:
                found.append(f"the field {field} for {ours} can't be written: let the app's user edit it")
        return found

    async def prepare(self, *, do: bool) -> list[str]:
        """Says which fields are missing; an administrator makes them, who also says who sees them."""
        there = await self._there()
        missing = [
            f"field {field} on Lead, {_KINDS[ours]}, for {ours}"
            for ours, field in self._own.items()
            if field not in there
        ]
        if do and missing:
            raise CrmError("make these in Salesforce (Setup, Object Manager, Lead): " + "; ".join(missing))
        return missing

    async def _there(self) -> dict[str, bool]:
        """The fields that we see, and whether each can be written."""
        answer = await self._api.call("GET", "sobjects/Lead/describe")
        if answer.status != 200:
            raise error_of(answer)
        return {one["name"]: bool(one["updateable"]) for one in answer.json()["fields"]}


def full_id(value: str) -> str | None:
    """An id in its long form, which is one whatever becomes of its capitals; None: no id.

    >>> full_id("00QD000000qPQR5"), full_id("99999999")
    ('00QD000000qPQR5MAO', None)
    """
    if not _ID.match(value):
        return None
    if len(value) == 18:
        return value
    parts = (value[start : start + 5] for start in (0, 5, 10))
    return value + "".join(
        _LETTERS[sum(1 << place for place, letter in enumerate(part) if letter.isupper())] for part in parts
    )


def _chunks(values: Sequence[str]) -> Iterable[list[str]]:
    """So many values at a time as an address holds, written as %XX at the worst."""
    some: list[str] = []
    length = 0
    for value in values:
        size = len(quote(text(value), safe="")) + 3
        if some and length + size > _MOST_QUERY:
            yield some
            some, length = [], 0
        some.append(value)
        length += size
    if some:
        yield some


def _refusal(result: Mapping[str, Any]) -> Refusal | None:
    if result.get("success"):
        return None
    errors = result.get("errors") or [{}]
    code, message = str(errors[0].get("statusCode", "")), str(errors[0].get("message", ""))
    return Refusal(f"{code}: {message}"[:500], again=code in _AGAIN)


def _merged(row: Mapping[str, Any]) -> bool:
    return bool(row.get("IsDeleted")) and row.get("MasterRecordId") is not None


def _open(row: Mapping[str, Any]) -> bool:
    """Whether a lead can be written to: a converted one lives on as a contact."""
    return not row.get("IsDeleted") and not row.get("IsConverted")


def _plain(value: Any) -> Any:
    """A value as we write it."""
    return value.replace("\r\n", "\n") or None if isinstance(value, str) else value


def _stage(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _text(row: Mapping[str, Any], field: str | None) -> str | None:
    value = row.get(field) if field is not None else None
    return value if isinstance(value, str) and value.strip() else None


def _moment(value: str) -> Micros:
    """A moment as Salesforce writes it: an offset without its colon.

    >>> _moment("1970-01-01T00:00:01.000+0000")
    1000000
    """
    return parse_time(re.sub(r"\+0000\Z", "Z", value))


def _encoded(at: _Cursor) -> str:
    return msgspec.json.encode(at).decode()
