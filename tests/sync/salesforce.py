"""A strict stand-in for Salesforce's REST API, built from Salesforce's public documentation.

Pages, as comments name them (developer.salesforce.com/docs/platform/api-rest/guide/ unless said):
- collections: resources-composite-sobjects-collections-update
- updated: resources-getupdated
- deleted: resources-getdeleted
- query: resources-query, resources-queryall (deleted and merged rows; pages of 2,000)
- errors: errorcodes (a list of {"errorCode", "message"}; 401; 403 with REQUEST_LIMIT_EXCEEDED)
- assign: headers-autoassign (without it, the active assignment rules run)
- describe: resources-sobject-describe
- task: resources-sobject-basic-info-post
- merge: the Lead object's reference (IsDeleted and MasterRecordId of who was merged away)
- token: help.salesforce.com, OAuth 2.0 Client Credentials Flow; how long a token lasts isn't told in it
"""

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.sync.kinds.salesforce.leads import full_id
from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from tests.sync.standin import StandIn

CLIENT, SECRET = "3MVG9.client", "correct horse battery"
OWN = {
    "LeadHeat_Score__c": "double",
    "LeadHeat_Grade__c": "string",
    "LeadHeat_Trend__c": "string",
    "LeadHeat_Tier__c": "string",
    "LeadHeat_Reasons__c": "textarea",
    "LeadHeat_Lead_Id__c": "string",
}
_LENGTHS = {"LeadHeat_Grade__c": 1, "LeadHeat_Trend__c": 20, "LeadHeat_Tier__c": 100}
_STANDARD = (
    "Id Email FirstName LastName Phone Title Company NumberOfEmployees AnnualRevenue Industry Country City "
    "Status OwnerId IsConverted IsDeleted MasterRecordId SystemModstamp"
)
_READ_ONLY = {"Id", "IsConverted", "IsDeleted", "MasterRecordId", "SystemModstamp"}
_SOQL = re.compile(
    r"SELECT (?P<fields>[\w, ]+) FROM (?P<table>\w+)"
    r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>\w+))?(?: LIMIT (?P<limit>\d+))?\Z",
    re.DOTALL,
)
_MINUTE = 60 * SECOND
Row = dict[str, Any]


class Refused(Exception):
    """An answer in Salesforce's own words (errors)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = [{"message": message, "errorCode": code}]


class Salesforce(StandIn):
    """An organisation, with a connected app."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.leads: dict[str, Row] = {}
        self.tasks: list[Row] = []
        self.fields = dict.fromkeys(_STANDARD.split(), "string")
        self.editable = True
        self.bad: set[str] = set()
        """Leads that a validation rule of the customer's refuses any update of."""
        self.hurry = 0
        """Every so manyth request finds that others have used the day's limit up; 0: none."""
        self.page = 2_000
        self._asked = 0
        self._tokens: set[str] = set()
        self._cursors: dict[str, list[Row]] = {}
        self._next = 0

    # --- people's doing -------------------------------------------------------------------------

    def add_lead(self, **values: Any) -> str:
        self._next += 1
        id_ = full_id(f"00QD00000{self._next:06d}")
        assert id_ is not None
        blank = dict.fromkeys(self.fields) | {"IsConverted": False, "IsDeleted": False, "OwnerId": "005"}
        self._write(id_, blank | {"Id": id_} | values)
        return id_

    def edit(self, id_: str, **values: Any) -> None:
        self._write(id_, values)

    def merge(self, master: str, other: str) -> None:
        self._write(other, {"IsDeleted": True, "MasterRecordId": master})

    def _write(self, id_: str, values: Row) -> None:
        stamp = format_time(self.clock() // SECOND * SECOND)[:19] + ".000+0000"
        self.leads[id_] = self.leads.get(id_, {}) | values | {"SystemModstamp": stamp}

    def revoke(self) -> None:
        self._tokens.clear()

    def throttled(self) -> int:
        return sum(call.said == "REQUEST_LIMIT_EXCEEDED" for call in self.calls)

    # --- HTTP -----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        base = "/services/data/v62.0"
        found = [
            ("PATCH", "/composite/sobjects", self._update),
            ("POST", "/composite/sobjects", self._accident),
            ("PATCH", "/composite/sobjects/Lead/{external}", self._accident),
            ("POST", "/sobjects/Lead", self._accident),
            ("POST", "/sobjects/Task", self._add_task),
            ("GET", "/sobjects/Lead/describe", self._describe),
            ("GET", "/sobjects/Lead/updated/", self._updated),
            ("GET", "/sobjects/Lead/deleted/", self._deleted),
            ("GET", "/query", self._query),
            ("GET", "/queryAll", self._query),
            ("GET", "/query/{cursor}", self._further),
        ]
        routes = [
            Route(base + path, self._checked(answer), methods=[method]) for method, path, answer in found
        ]
        return Starlette(routes=[Route("/services/oauth2/token", self._token, methods=["POST"]), *routes])

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        names = ("grant_type", "client_id", "client_secret")
        if tuple(map(form.get, names)) != ("client_credentials", CLIENT, SECRET):
            told = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return self.note(request, JSONResponse(told, 400))
        token = f"00D!{uuid.uuid4().hex}"
        self._tokens.add(token)
        told = {
            "access_token": token,
            "instance_url": self.url,
            "token_type": "Bearer",
            "issued_at": str(self.clock() // 1_000),
        }
        return self.note(request, JSONResponse(told))

    def _checked(self, answer: Callable[[Request, Any], Any]) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            body = await request.body()
            try:
                kind, _, token = request.headers.get("authorization", "").partition(" ")
                if kind != "Bearer" or token not in self._tokens:
                    raise Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
                self._asked += 1
                if self.hurry and self._asked % self.hurry == 0:
                    raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
                if len(str(request.url)) > 16_384:
                    raise Refused(414, "URI_TOO_LONG", "the address is longer than 16,384 bytes")
                told = answer(request, msgspec.json.decode(body) if body else {})
                response = told if isinstance(told, Response) else JSONResponse(told)
            except Refused as refused:
                code = str(refused.body[0]["errorCode"])
                return self.note(request, JSONResponse(refused.body, refused.status), code)
            return self.note(request, response)

        return respond

    def _accident(self, request: Request, told: Any) -> Any:
        self.created.append(request.url.path)
        raise Refused(400, "INVALID_OPERATION", "this stand-in creates nobody")

    def _update(self, request: Request, told: Any) -> Any:
        """collections: at most 200, a type and an id each; results in order; allOrNone undoes all."""
        records = told["records"]
        if len(records) > 200:
            raise Refused(400, "LIMIT_EXCEEDED", "record limit reached: at most 200")
        if told.get("allOrNone"):
            raise Refused(400, "INVALID_OPERATION", "this stand-in takes each for itself")
        if any(one.get("attributes", {}).get("type") != "Lead" for one in records):
            raise Refused(400, "INVALID_TYPE", "each record has attributes with a type")
        reassigned = request.headers.get("sforce-auto-assign", "TRUE").upper() != "FALSE"
        return [self._update_one(one, reassigned) for one in records]

    def _update_one(self, record: Row, reassigned: bool) -> Row:
        id_ = record.get("id", "")
        fields = {name: value for name, value in record.items() if name not in ("id", "attributes")}
        row = self.leads.get(id_)
        wrong = None
        if row is None or row["IsDeleted"]:
            wrong = ("ENTITY_IS_DELETED", "entity is deleted")
        elif row["IsConverted"]:
            wrong = ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        elif id_ in self.bad:
            wrong = ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "the territory is missing")
        for name, value in fields.items():
            if name not in self.fields or name in _READ_ONLY:
                wrong = ("INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}")
            elif self.fields[name] == "double" and isinstance(value, str):
                wrong = ("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{name}: value not of required type")
            elif isinstance(value, str) and len(value) > _LENGTHS.get(name, 4_000):
                wrong = ("STRING_TOO_LONG", f"{name}: data value too large")
        if wrong is not None:
            error = {"statusCode": wrong[0], "message": wrong[1], "fields": []}
            return {"success": False, "errors": [error]}
        self.foreign.update(name for name in fields if name not in OWN)
        if reassigned:
            self.foreign["OwnerId"] += 1  # assign
        self._write(id_, fields)
        return {"id": id_, "success": True, "errors": []}

    def _add_task(self, request: Request, told: Any) -> Any:
        if told.get("WhoId") not in self.leads:
            raise Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if len(told["Subject"]) > 255 or not re.fullmatch(r"\d{4}-\d\d-\d\d", told["ActivityDate"]):
            raise Refused(400, "STRING_TOO_LONG", "Subject or ActivityDate")
        self.tasks.append(told)
        return JSONResponse({"id": f"00T{len(self.tasks)}", "success": True, "errors": []}, 201)

    def _describe(self, request: Request, told: Any) -> Any:
        return {
            "name": "Lead",
            "fields": [
                {"name": name, "type": kind, "updateable": name not in _READ_ONLY and self.editable}
                for name, kind in self.fields.items()
            ],
        }

    def _span(self, request: Request) -> tuple[int, int]:
        """updated: moments with an offset, seconds cut off, the first before the second, 30 days at most."""
        start, end = (
            parse_time(request.query_params[name]) // _MINUTE * _MINUTE for name in ("start", "end")
        )
        if start >= end or start < self.clock() - 30 * DAY:
            raise Refused(400, "INVALID_REPLICATION_DATE", "startDate before 30 days, or not before endDate")
        return start, end

    def _within(self, span: tuple[int, int], deleted: bool) -> list[tuple[str, str]]:
        found = []
        for id_, row in self.leads.items():
            at = parse_time(row["SystemModstamp"].replace("+0000", "Z"))
            if span[0] <= at < span[1] and row["IsDeleted"] == deleted:
                found.append((id_, row["SystemModstamp"]))
        return found

    def _covered(self, end: int) -> str:
        return format_time(min(end, self.clock() // _MINUTE * _MINUTE))[:19] + ".000+0000"

    def _updated(self, request: Request, told: Any) -> Any:
        span = self._span(request)
        ids = [id_ for id_, _ in self._within(span, deleted=False)]
        return {"ids": ids, "latestDateCovered": self._covered(span[1])}

    def _deleted(self, request: Request, told: Any) -> Any:
        span = self._span(request)
        records = [{"id": id_, "deletedDate": at} for id_, at in self._within(span, deleted=True)]
        return {
            "deletedRecords": records,
            "earliestDateAvailable": format_time(self.clock() - 30 * DAY)[:19] + ".000+0000",
            "latestDateCovered": self._covered(span[1]),
        }

    def _query(self, request: Request, told: Any) -> Any:
        """query: a field that isn't there, or that we may not see, is an error of the whole query."""
        parsed = _SOQL.match(request.query_params["q"])
        if parsed is None:
            raise Refused(400, "MALFORMED_QUERY", "unexpected token")
        names = [name.strip() for name in parsed["fields"].split(",")]
        rows: list[Row] = self.tasks
        if parsed["table"] == "Lead":
            for name in names:
                if name not in self.fields:
                    raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on entity 'Lead'.")
            rows = list(self.leads.values())
            if request.url.path.endswith("/query"):
                rows = [row for row in rows if not row["IsDeleted"]]
        holds = _condition(parsed["where"])
        rows = [row for row in rows if holds(row)]
        if parsed["order"]:
            rows = sorted(rows, key=lambda row: str(row[parsed["order"]]))
        if parsed["limit"]:
            rows = rows[: int(parsed["limit"])]
        kind = {"attributes": {"type": parsed["table"]}}
        return self._paged([kind | {name: row.get(name) for name in names} for row in rows])

    def _further(self, request: Request, told: Any) -> Any:
        return self._paged(self._cursors.pop(request.path_params["cursor"]))

    def _paged(self, rows: list[Row]) -> Row:
        told: Row = {"totalSize": len(rows), "done": len(rows) <= self.page, "records": rows[: self.page]}
        if len(rows) > self.page:
            cursor = f"01g-{uuid.uuid4().hex}"
            self._cursors[cursor] = rows[self.page :]
            told["nextRecordsUrl"] = f"/services/data/v62.0/query/{cursor}"
        return told


def _condition(where: str | None) -> Callable[[Row], bool]:
    """The conditions that a connector needs; texts compare without regard to capitals, ids with it."""
    if where is None:
        return lambda row: True
    found = re.fullmatch(r"(\w+) (IN|=|>) (.+)", where, re.DOTALL)
    if found is None:
        raise Refused(400, "MALFORMED_QUERY", "unexpected token")
    name, operator, literal = found.groups()
    if not re.fullmatch(r"\(?('(?:[^'\\]|\\.)*',?)+\)?", literal):
        raise Refused(400, "MALFORMED_QUERY", "a text isn't closed")
    values = [re.sub(r"\\(.)", r"\1", one) for one in re.findall(r"'((?:[^'\\]|\\.)*)'", literal)]
    if operator == ">":
        return lambda row: str(row[name]) > values[0]
    if name == "Email":
        emails = {one.lower() for one in values}
        return lambda row: str(row.get(name)).lower() in emails
    among = set(values)
    return lambda row: row.get(name) in among
