"""A strict stand-in for Marketo's REST API, built from Adobe's public documentation.

Pages, as comments name them (experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/ unless said):
- codes: error-codes (errors in answers of 200: 601 … 615; per record: skipped, with reasons)
- leads: lead-database/leads (Sync Leads, its actions and lookupField; 300 records; a long question as a form
  with _method=GET; describe; creating fields)
- activities: lead-database/activities (paging tokens, leadchanges, deleted leads, 300 a page, moreResult)
- auth: authentication (client credentials; a token that is still good is given again, with what is left)
- limits: marketo-integration-best-practices (100 calls in 20 s, 10 at once, 50,000 a day, 300 a batch)
"""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from tests.sync.standin import StandIn, Window

CLIENT, SECRET = "5f1d-client", "correct horse battery"
OWN = {
    "leadheatScore": "float",
    "leadheatGrade": "string",
    "leadheatTrend": "string",
    "leadheatTier": "string",
    "leadheatReasons": "text",
    "leadheatLeadId": "string",
}
_STANDARD = (
    "id email firstName lastName phone title company numberOfEmployees annualRevenue industry country city "
    "leadStatus updatedAt createdAt"
)
_READ_ONLY = {"id", "updatedAt", "createdAt"}
_TOKEN_S = 3_600
_TROUBLE = ("606", "615", "604", "608")
_WORDS = {
    "601": "Access token invalid",
    "602": "Access token expired",
    "604": "Request time-out",
    "606": "Max rate limit '100' exceeded with in '20' secs",
    "607": "Daily quota reached",
    "608": "API Temporarily Unavailable",
    "615": "Concurrent access limit reached",
}
Row = dict[str, Any]


class Refused(Exception):
    """`success: false` in an answer of 200 (codes)."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code, self.message = code, message or _WORDS[code]


class Marketo(StandIn):
    """A subscription, with a custom service."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.leads: dict[int, Row] = {}
        self.log: list[Row] = []
        """Activities in order: new people, changed values, deletions."""
        self.fields = dict.fromkeys(_STANDARD.split(), "string")
        self.bad: set[int] = set()
        """People whose update is skipped."""
        self.window = Window(100, 20.0, clock)
        self.quota = 50_000
        self.hurry = 0
        """Every so manyth call meets one of Marketo's own troubles; 0: none."""
        self._asked = 0
        self._token, self._ends = "", 0
        self._next = 100

    # --- people's doing -------------------------------------------------------------------------

    def add_lead(self, **values: Any) -> str:
        self._next += 1
        self.leads[self._next] = {"id": self._next}
        self._log(12, self._next, [])
        self._write(self._next, values)
        return str(self._next)

    def edit(self, id_: str, **values: Any) -> None:
        self._write(int(id_), values)

    def delete(self, id_: str) -> None:
        del self.leads[int(id_)]
        self._log(37, int(id_), [])

    def _write(self, id_: int, values: Row) -> None:
        changed = [name for name, value in values.items() if self.leads[id_].get(name) != value]
        self.leads[id_] |= values | {"updatedAt": self._now()}
        if changed:
            self._log(13, id_, changed)

    def _log(self, kind: int, lead: int, changed: list[str]) -> None:
        self.log.append({"kind": kind, "lead": lead, "at": self.clock(), "changed": changed})

    def _now(self) -> str:
        return format_time(self.clock() // SECOND * SECOND)

    def revoke(self) -> None:
        self._token = ""

    def throttled(self) -> int:
        return sum(call.said in ("606", "615") for call in self.calls)

    # --- HTTP -----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        found = [
            ("POST", "leads.json", self._leads),
            ("GET", "leads/describe.json", self._describe),
            ("POST", "leads/schema/fields.json", self._add_fields),
            ("GET", "activities/pagingtoken.json", self._paging_token),
            ("GET", "activities/leadchanges.json", self._changes),
            ("GET", "activities/deletedleads.json", self._deleted),
        ]
        routes = [
            Route(f"/rest/v1/{path}", self._checked(answer), methods=[method])
            for method, path, answer in found
        ]
        return Starlette(routes=[Route("/identity/oauth/token", self._identity, methods=["GET"]), *routes])

    async def _identity(self, request: Request) -> Response:
        """auth"""
        names = ("grant_type", "client_id", "client_secret")
        if tuple(map(request.query_params.get, names)) != ("client_credentials", CLIENT, SECRET):
            told = {"error": "unauthorized", "error_description": "No client with requested id"}
            response = JSONResponse(told, 401)
        else:
            if not self._token or self._ends <= self.clock():
                self._token, self._ends = uuid.uuid4().hex, self.clock() + _TOKEN_S * SECOND
            left = (self._ends - self.clock()) // SECOND
            response = JSONResponse(
                {"access_token": self._token, "token_type": "bearer", "expires_in": left, "scope": "api@acme"}
            )
        self.note(request, response)
        self.calls[-1] = type(self.calls[-1])("GET", "/identity/oauth/token?…", response.status_code)
        return response

    def _checked(self, answer: Callable[[Request, bytes], Row]) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            body = await request.body()
            told: Row = {"requestId": uuid.uuid4().hex[:8]}
            said = ""
            try:
                self._let_in(request)
                told |= {"success": True, **answer(request, body)}
            except Refused as refused:
                said = refused.code
                told |= {"success": False, "errors": [{"code": said, "message": refused.message}]}
            return self.note(request, JSONResponse(told), said)

        return respond

    def _let_in(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not self._token or token != self._token:
            raise Refused("601")
        if self._ends <= self.clock():
            raise Refused("602")
        self._asked += 1
        if self.hurry and self._asked % self.hurry == 0:
            raise Refused(_TROUBLE[self._asked // self.hurry % len(_TROUBLE)])
        if self.quota <= 0:
            raise Refused("607")
        self.quota -= 1
        if self.window.refuse() is not None:
            raise Refused("606")

    def _leads(self, request: Request, body: bytes) -> Row:
        """leads: a question where the form says so, else Sync Leads."""
        kind = request.headers.get("content-type", "").partition(";")[0]
        if request.query_params.get("_method") == "GET":
            if kind != "application/x-www-form-urlencoded":
                raise Refused("612", "Invalid Content Type")
            return self._question(dict(parse_qsl(body.decode())))
        if kind != "application/json":
            raise Refused("612", "Invalid Content Type")
        told = msgspec.json.decode(body)
        if len(told["input"]) > 300 or len(body) > 1_000_000:
            raise Refused("1003", "Too many records: at most 300, and 1 MB")
        if told.get("action") != "updateOnly":
            self.created.append(str(told.get("action")))
            raise Refused("1003", "this stand-in creates nobody")
        if told.get("lookupField") != "id":
            raise Refused("1003", "this stand-in looks up by id alone")
        for one in told["input"]:
            for name in one:
                if name not in self.fields:
                    raise Refused("1006", f"Field '{name}' not found")
        return {"result": [self._update(one) for one in told["input"]]}

    def _update(self, told: Row) -> Row:
        id_ = told["id"]
        if id_ not in self.leads:
            return {"status": "skipped", "reasons": [{"code": "1004", "message": "Lead not found"}]}
        if id_ in self.bad:
            return {
                "id": id_,
                "status": "skipped",
                "reasons": [{"code": "1007", "message": "Multiple lead match lookup criteria"}],
            }
        values = {name: value for name, value in told.items() if name != "id"}
        if isinstance(values.get("leadheatScore"), str):
            return {"status": "skipped", "reasons": [{"code": "1001", "message": "Invalid value"}]}
        self.foreign.update(name for name in values if name not in OWN)
        self._write(id_, values)
        return {"id": id_, "status": "updated"}

    def _question(self, form: dict[str, str]) -> Row:
        values = form["filterValues"].split(",")
        if len(values) > 300:
            raise Refused("1003", "filterValues: at most 300")
        names = form["fields"].split(",")
        self._known(names)
        among = {one.lower() for one in values}
        rows = [row for row in self.leads.values() if str(row.get(form["filterType"])).lower() in among]
        start = int(form.get("nextPageToken", "0"))
        told: Row = {"result": [{name: row.get(name) for name in names} for row in rows[start : start + 300]]}
        if len(rows) > start + 300:
            told["nextPageToken"] = str(start + 300)
        return told

    def _known(self, names: list[str]) -> None:
        for name in names:
            if name not in self.fields:
                raise Refused("1006", f"Field '{name}' not found")

    def _describe(self, request: Request, body: bytes) -> Row:
        return {
            "result": [
                {"dataType": kind, "rest": {"name": name, "readOnly": name in _READ_ONLY}}
                for name, kind in self.fields.items()
            ]
        }

    def _add_fields(self, request: Request, body: bytes) -> Row:
        found = []
        for one in msgspec.json.decode(body)["input"]:
            if not one["displayName"] or one["dataType"] not in ("float", "string", "text", "datetime"):
                raise Refused("1003", "dataType")
            self.fields[one["name"]] = one["dataType"]
            found.append({"name": one["name"], "status": "created"})
        return {"result": found}

    def _paging_token(self, request: Request, body: bytes) -> Row:
        since = parse_time(request.query_params["sinceDatetime"])
        return {"nextPageToken": f"T{sum(one['at'] < since for one in self.log)}"}

    def _page(self, request: Request) -> tuple[list[Row], Row]:
        """activities: 300 of all kinds are gone through a call, whatever of them is asked for."""
        token = request.query_params["nextPageToken"]
        if not token.startswith("T"):
            raise Refused("1003", "Invalid token")
        start = int(token[1:])
        some = self.log[start : start + 300]
        end = start + len(some)
        return some, {"nextPageToken": f"T{end}", "moreResult": end < len(self.log)}

    def _changes(self, request: Request, body: bytes) -> Row:
        wanted = request.query_params["fields"].split(",")
        self._known(wanted)
        some, told = self._page(request)
        kept = [one for one in some if one["kind"] == 12 or {*wanted} & {*one["changed"]}]
        if kept:
            told["result"] = [_activity(one) for one in kept]
        return told

    def _deleted(self, request: Request, body: bytes) -> Row:
        some, told = self._page(request)
        kept = [one for one in some if one["kind"] == 37 and one["at"] > self.clock() - 14 * DAY]
        if kept:
            told["result"] = [_activity(one) for one in kept]
        return told


def _activity(one: Row) -> Row:
    return {
        "leadId": one["lead"],
        "activityDate": format_time(one["at"] // SECOND * SECOND),
        "activityTypeId": one["kind"],
        "fields": [{"name": name} for name in one["changed"]],
    }
