"""A strict stand-in for Sage CRM's REST API, built from what Sage's public pages say of it.

Pages, as comments name them:
- start: developer.sage.com/crm/get-started (the address, Basic; REST is on by default)
- crud: community.sagecrm.com, 2019-09-16, "examples of create, read, update …" (Entity, feeds, where)
- patch: community.sagecrm.com, 2019-09-23, "ensuring best performance" (PATCH with `$key`, answered 200)
Not documented, and so our guess: paging (startIndex and count, as in SData), the bodies of errors,
what a server that is busy answers (503 here), limits, the most that a page holds,
the answer for an id that isn't there (404 here).
"""

import base64
import re
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scorer.times import Micros, format_time
from tests.sync.standin import StandIn

USER, PASSWORD = "leadheat", "correct horse battery"
OWN = {
    "lead_leadheatscore",
    "lead_leadheatgrade",
    "lead_leadheattrend",
    "lead_leadheattier",
    "lead_leadheatreasons",
    "lead_leadheatid",
}
_STANDARD = (
    "Lead_LeadId Lead_PersonEmail Lead_PersonFirstName Lead_PersonLastName Lead_PersonTitle Lead_CompanyName "
    "Lead_Stage Lead_Status Lead_UpdatedDate"
)
Row = dict[str, Any]


class Refused(Exception):
    """An answer in words of SData's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class SageCrm(StandIn):
    """An installation called crm."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.leads: dict[str, Row] = {}
        self.fields = {*_STANDARD.split(), *OWN}
        self.bad: set[str] = set()
        self.hurry = 0
        """Every so manyth call finds the server busy; 0: none."""
        self.replaces = False
        """Whether an update empties what it doesn't name: a server that isn't as the pages say."""
        self.page = 1_000
        """The most of a page."""
        self._asked = 0
        self._indices: dict[str, dict[str, list[Row]]] = {}
        """By field and value, until a person changes anything."""

    # --- people's doing -------------------------------------------------------------------------

    def add_lead(self, **values: Any) -> str:
        id_ = str(len(self.leads) + 1)
        self.leads[id_] = dict.fromkeys(self.fields) | {"Lead_LeadId": int(id_)}
        self.edit(id_, **values)
        return id_

    def edit(self, id_: str, **values: Any) -> None:
        self.leads[id_] |= values | {"Lead_UpdatedDate": format_time(self.clock())}
        if not values.keys() <= OWN:
            self._indices.clear()

    def throttled(self) -> int:
        return self.count(503)

    # --- HTTP -----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/sdata/crmj/sagecrm2/-/{path:path}", self._api, methods=methods)])

    async def _api(self, request: Request) -> Response:
        body = await request.body()
        try:
            told = self._answer(request, request.path_params["path"], body)
            return self.note(request, JSONResponse(told))
        except Refused as refused:
            told = {"$diagnoses": [{"$severity": "error", "$message": refused.message}]}
            return self.note(request, JSONResponse(told, refused.status))

    def _answer(self, request: Request, path: str, body: bytes) -> Row:
        right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {right}":
            raise Refused(401, "Authentication failed")
        self._asked += 1
        if self.hurry and self._asked % self.hurry == 0:
            raise Refused(503, "The server is busy")
        if request.method not in ("GET", "PATCH"):
            self.created.append(f"{request.method} {path}")
            raise Refused(400, "this stand-in creates and deletes nobody")
        one = re.fullmatch(r"Lead\('(\d+)'\)", path)
        if request.method == "PATCH":
            if one is None:
                self.created.append(path)
                raise Refused(400, "an update is of one record")
            return self._update(one[1], msgspec.json.decode(body))
        if one is not None:
            if one[1] not in self.leads:
                raise Refused(404, "The record is not there")
            return self.leads[one[1]]
        return self._feed(request.query_params)

    def _feed(self, asked: Any) -> Row:
        rows = list(self.leads.values())
        if where := asked.get("where"):
            found = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", where)
            if found is None:
                raise Refused(400, "the condition is none")
            value = found[2].replace("''", "'").lower()
            rows = self._index(found[1]).get(value, [])
        start, count = int(asked.get("startIndex", 1)), min(self.page, int(asked.get("count", 10)))
        page = rows[start - 1 : start - 1 + count]
        return {"$totalResults": len(rows), "$startIndex": start, "$resources": page}

    def _index(self, field: str) -> dict[str, list[Row]]:
        if field not in self._indices:
            made: dict[str, list[Row]] = {}
            for row in self.leads.values():
                made.setdefault(str(_field(row, field)).lower(), []).append(row)
            self._indices[field] = made
        return self._indices[field]

    def _update(self, id_: str, told: Row) -> Row:
        if id_ not in self.leads:
            raise Refused(404, "The record is not there")
        if str(told.pop("$key")) != id_:
            raise Refused(400, "$key is another record's")
        if id_ in self.bad:
            raise Refused(400, "a table level script refuses it")
        known = {name.lower() for name in self.fields}
        if wrong := [name for name in told if name.lower() not in known]:
            raise Refused(400, f"no field {wrong[0]}")
        self.foreign.update(name for name in told if name not in OWN)
        if self.replaces:
            self.edit(id_, Lead_Stage=None)
        self.edit(id_, **told)
        return {"Lead_LeadId": int(id_), **told}


def _field(row: Row, name: str) -> Any:
    return next((value for field, value in row.items() if field.lower() == name.lower()), None)
