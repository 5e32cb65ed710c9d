"""Leads of Sage CRM: found, told their scores one at a time, read page by page; none is ever created."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connectors.sync.caller import Answer
from connectors.sync.crm import Change, Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import AwayError, CrmError
from connectors.sync.kinds.sagecrm.api import MISSING, Api, error_of, lowered, said
from connectors.sync.standing import Standing
from scorer.times import Micros

_ID: Final = "lead_leadid"
_EMAIL: Final = "lead_personemail"
_PAGE: Final = 100
_MANAGED: Final = frozenset({"lead_updateddate", "lead_updatedby", "lead_timestamp"})
"""What the server writes at each change."""


class Leads:
    """The leads of one installation."""

    def __init__(
        self, destination: Destination, api: Api, clock: Callable[[], Micros], trial: str | None
    ) -> None:
        self._api = api
        self._clock = clock
        self._trial = trial
        writes, reads = destination.writes, destination.reads
        self._own = {} if writes is None else writes.fields
        self._traits = {} if reads is None else reads.traits
        self._stages = [] if reads is None else list(reads.outcomes)

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """By our fields."""
        told = standing.fields()
        return {field: told[ours] for ours, field in self._own.items()}

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """Each by its id, else by its e-mail."""
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            row = await self._by_id(tie.record) if tie.record is not None else None
            rows = [row] if row is not None else await self._by_email(tie.email)
            if rows:
                found[tie.lead] = self._one_of(rows, tie)
        return found

    async def _by_id(self, id_: str) -> dict[str, Any] | None:
        if not id_.isdigit():
            return None
        answer = await self._api.get(f"Lead('{id_}')")
        if answer.status == MISSING:
            return None
        row = _row(answer)
        # What the server answers for an id that there isn't any more isn't documented: only its own counts.
        return row if str(row.get(_ID)) == id_ and not row.get("lead_deleted") else None

    async def _by_email(self, email: str | None) -> list[dict[str, Any]]:
        if not email:
            return []
        quoted = email.replace("'", "''")
        answer = await self._api.get("Lead", {"where": f"{_EMAIL} eq '{quoted}'", "count": _PAGE})
        rows = _rows(answer)
        # A server that doesn't know `where` would send everybody: whose e-mail is another is not meant.
        return [row for row in rows if str(row.get(_EMAIL) or "").lower() == email.lower()]

    def _one_of(self, rows: Sequence[dict[str, Any]], tie: Tie) -> Found | Refusal:
        """Of leads with one e-mail: the one that is ours already, else the only one."""
        names = {tie.lead, *tie.identities}
        own = [row for row in rows if self._lead_of(row) in names]
        if len(some := own or list(rows)) != 1:
            return Refusal("several leads have this e-mail there: merge them, or tie by the id's trait")
        row = some[0]
        held = {field: _plain(row.get(field.lower())) for field in self._own.values()}
        score = self._own.get("score")
        if score is not None:
            held[score] = _number(held[score])
        return Found(str(row[_ID]), self._lead_of(row), row.get(_EMAIL), held)

    def _lead_of(self, row: Mapping[str, Any]) -> str | None:
        return row.get(self._own.get("lead_id", "").lower()) or None

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """PATCH of one record by its id, which changes the named fields alone, and creates nobody."""
        return [_refusal(await self._patch(one.record, one.values)) for one in tellings]

    async def _patch(self, id_: str, values: Mapping[str, Any]) -> Answer:
        return await self._api.patch(f"Lead('{id_}')", {"$key": int(id_), **values})

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """How a communication is tied to a lead isn't documented; no sync file asks for one."""
        raise NotImplementedError

    async def read(self, cursor: str | None) -> Page:
        """Everything, page by page, each time: what has changed since can't be asked of every version."""
        start = 1 if cursor is None else int(cursor)
        answer = await self._api.get("Lead", {"startIndex": start, "count": _PAGE})
        rows, total = _rows(answer), _row(answer).get("$totalresults")
        changes = [self._change(row) for row in rows if _ID in row and not row.get("lead_deleted")]
        whole = len(rows) < _PAGE if not isinstance(total, int) else start + len(rows) > total
        more = bool(rows) and not whole
        return Page(tuple(changes), str(start + len(rows) if more else 1), more=more)

    def _change(self, row: Mapping[str, Any]) -> Change:
        return Change(
            record=str(row[_ID]),
            at=self._clock(),
            lead=self._lead_of(row),
            email=row.get(_EMAIL) or None,
            traits={ours: _plain(row.get(field.lower())) for field, ours in self._traits.items()},
            stages={name: row[name.lower()] for name in self._stages if row.get(name.lower()) is not None},
        )

    async def check(self) -> list[str]:
        """Access, the fields, and an update of the lead that is named for it."""
        try:
            rows = _rows(await self._api.get("Lead", {"startIndex": 1, "count": 1}))
            if not rows and self._trial is None:
                return ["there is no lead to see the fields of"]
            found = [] if self._trial is None else await self._try(self._trial)
        except CrmError as error:
            return [str(error)]
        if self._trial is None and self._own:
            found.append("no `trial`: name a lead by its id, so that an update is tried on it")
        wanted = {*self._traits, *self._stages, *self._own.values()}
        there = set(rows[0]) if rows else {name.lower() for name in wanted}
        return found + [f"leads have no field {name}" for name in sorted(wanted) if name.lower() not in there]

    async def _try(self, id_: str) -> list[str]:
        """Writes what our fields hold already, and looks whether anything else has changed."""
        before = await self._by_id(id_)
        if before is None:
            return [f"there is no lead {id_} to try an update on: name another one as `trial`"]
        values = {name: before[name.lower()] for name in self._own.values() if name.lower() in before}
        answer = await self._patch(id_, values)
        if answer.status != 200:
            return [f"an update of lead {id_} is answered {answer.status}: {said(answer)}"]
        after = await self._by_id(id_) or {}
        lost = sorted(
            name for name, value in before.items() if name not in _MANAGED and after.get(name) != value
        )
        if lost:
            return [f"an update of lead {id_} changed {', '.join(lost)}, too: don't run this connector"]
        return []

    async def prepare(self, *, do: bool) -> list[str]:
        """An administrator makes the fields: there is no call for it."""
        if do:
            raise CrmError("make the fields in Sage CRM (Administration, Customization, Leads, Fields)")
        return [f"field {field} on Lead, for {ours}" for ours, field in self._own.items()]


def _row(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise error_of(answer)
    return lowered(answer.json())


def _rows(answer: Answer) -> list[dict[str, Any]]:
    told = _row(answer)
    if not isinstance(told.get("$resources"), list):
        raise AwayError("the answer is no list of leads")
    return [lowered(one) for one in told["$resources"]]


def _refusal(answer: Answer) -> Refusal | None:
    if answer.status == 200:
        return None
    if answer.status == MISSING:
        return Refusal("the lead is there no more")
    return Refusal(f"{answer.status}: {said(answer)}", again=answer.status == 409)


def _plain(value: Any) -> Any:
    """An empty text is no value, and lines end as ours do."""
    return value.replace("\r\n", "\n").strip() or None if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """A number, which may come as a text.

    >>> _number("50.0"), _number(None)
    (50.0, None)
    """
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
