"""A strict stand-in for Dataverse (Dynamics 365 Sales), built from Microsoft's public documentation.

Pages, as comments name them (learn.microsoft.com/power-apps/developer/data-platform/ unless said):
- handle-errors: webapi/compose-http-requests-handle-errors
- update: webapi/update-delete-entities-using-web-api
- conditional: webapi/perform-conditional-operations-using-web-api
- upsert: use-upsert-insert-update-record
- batch: webapi/execute-batch-operations-using-web-api
- bulk: bulk-operations
- changes: use-change-tracking-synchronize-data-external-systems
- limits: api-limits
- merge: webapi/merge-entity-using-web-api
- scores: learn.microsoft.com/dynamics365/sales/populate-predictive-scores
- scores-table: learn.microsoft.com/dynamics365/sales/developer/entities/msdyn_predictivescore
- token: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
- in: learn.microsoft.com/power-apps/developer/data-platform/webapi/reference/in
- metadata: webapi/query-metadata-web-api, webapi/create-update-column-definitions-using-web-api
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scorer.times import SECOND, Micros, format_time
from tests.sync.standin import StandIn, Window

TENANT, CLIENT, SECRET = "acme.example", "6f1d0f1e-0000-4000-8000-000000000001", "correct horse battery"
OWN = {
    "leadheat_score": "Double",
    "leadheat_grade": "String",
    "leadheat_trend": "String",
    "leadheat_tier": "String",
    "leadheat_reasons": "Memo",
    "leadheat_leadid": "String",
}
_STANDARD = {
    "leadid": "Uniqueidentifier",
    "emailaddress1": "String",
    "firstname": "String",
    "lastname": "String",
    "telephone1": "String",
    "jobtitle": "String",
    "companyname": "String",
    "numberofemployees": "Integer",
    "revenue": "Money",
    "address1_country": "String",
    "address1_city": "String",
    "statecode": "State",
    "statuscode": "Status",
    "merged": "Boolean",
    "_masterid_value": "Lookup",
    "modifiedon": "DateTime",
}
_READ_ONLY = {"leadid", "merged", "_masterid_value", "modifiedon"}
_LENGTHS = {"leadheat_grade": 1, "leadheat_trend": 20, "leadheat_tier": 100, "leadheat_leadid": 400}
_SCORE_COLUMNS = {"msdyn_score", "msdyn_grade", "msdyn_scoretrend", "msdyn_scorereasons", "msdyn_scoredon"}
_TOKEN_S = 3_599
_EXPIRES_S = 7 * 86_400
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
Row = dict[str, Any]


class Refused(Exception):
    """An answer in Dataverse's own words: {"error": {"code", "message"}} (handle-errors)."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        return msgspec.json.encode({"error": {"code": self.code, "message": self.message}})


@dataclass
class Table:
    """Rows, and when each was changed or deleted, counted."""

    name: str
    key: str
    rows: dict[str, Row] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)


class Dataverse(StandIn):
    """An environment, with the registration of an app that may use it."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.leads = Table("leads", "leadid")
        self.tasks = Table("tasks", "activityid")
        self.opportunities = Table("opportunities", "opportunityid")
        self.scores: dict[str, Row] = {}
        self.tables = {one.name: one for one in (self.leads, self.tasks, self.opportunities)}
        self.columns = dict(_STANDARD)
        self.has_scores = True
        self.tracking = True
        self.bulk = True
        """Whether the lead table takes UpdateMultiple: not every standard table does (bulk)."""
        self.bad: set[str] = set()
        """Leads that a plug-in of the customer's refuses any update of."""
        self.window = Window(6_000, 300.0, clock)  # limits: of a user, 300 s
        self.hurry = 0
        """Every so manyth request finds the time of execution used up (limits); 0: none."""
        self._asked = 0
        self.page = 5_000  # changes: more than 5,000 are paged
        self._version = 0
        self._tokens: dict[str, int] = {}
        self._throttled_until = 0

    # --- people's doing -------------------------------------------------------------------------

    def add_lead(self, **values: Any) -> str:
        id_ = str(uuid.uuid4())
        blank = dict.fromkeys(self.columns) | {"statecode": 0, "statuscode": 1, "merged": False}
        self._write(self.leads, id_, blank | {"leadid": id_} | values)
        return id_

    def edit(self, id_: str, **values: Any) -> None:
        self._write(self.leads, id_, self.leads.rows[id_] | values)

    def delete(self, id_: str) -> None:
        del self.leads.rows[id_]
        self._version += 1
        self.leads.deleted[id_] = self._version

    def merge(self, master: str, subordinate: str) -> None:
        """The other record is deactivated, and says into which it was merged (merge)."""
        self.edit(subordinate, merged=True, _masterid_value=master, statecode=2)

    def add_opportunity(self, lead: str, **values: Any) -> str:
        id_ = str(uuid.uuid4())
        self._write(
            self.opportunities,
            id_,
            {"opportunityid": id_, "_originatingleadid_value": lead, "statecode": 0, "actualclosedate": None}
            | values,
        )
        return id_

    def _write(self, table: Table, id_: str, row: Row) -> None:
        self._version += 1
        table.rows[id_] = row | {"modifiedon": format_time(self.clock() // SECOND * SECOND)}
        table.versions[id_] = self._version

    def revoke(self) -> None:
        """Every token ends now."""
        self._tokens.clear()

    # --- HTTP -----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route("/api/data/v9.2/{path:path}", self._api, methods=["GET", "POST", "PATCH", "DELETE"]),
            ]
        )

    async def _token(self, request: Request) -> Response:
        """token: client_credentials, the scope is the resource and /.default; errors are OAuth's."""
        form = dict(parse_qsl((await request.body()).decode()))
        error = ""
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            error = "invalid_request"
        elif form.get("grant_type") != "client_credentials":
            error = "unsupported_grant_type"
        elif form.get("scope") != f"{self.url}/.default":
            error = "invalid_scope"
        elif (request.path_params["tenant"], form.get("client_id"), form.get("client_secret")) != (
            TENANT,
            CLIENT,
            SECRET,
        ):
            error = "invalid_client"
        if error:
            told = {"error": error, "error_description": "AADSTS7000215: Invalid client secret provided."}
            status = 401 if error == "invalid_client" else 400
            return self.note(request, JSONResponse(told, status))
        token = uuid.uuid4().hex
        self._tokens[token] = self.clock() + _TOKEN_S * SECOND
        return self.note(
            request,
            JSONResponse({"token_type": "Bearer", "expires_in": _TOKEN_S, "access_token": token}),
        )

    async def _api(self, request: Request) -> Response:
        body = await request.body()
        try:
            self._let_in(request)
            self._slow_down()
            if request.path_params["path"] == "$batch":
                response = self._batch(request, body)
            else:
                target = request.path_params["path"]
                if request.url.query:
                    target += f"?{request.url.query}"
                response = self._one(request.method, target, request.headers, body)
        except Refused as refused:
            response = Response(refused.body, refused.status, refused.headers, "application/json")
        response.headers["OData-Version"] = "4.0"
        return self.note(request, response)

    def _let_in(self, request: Request) -> None:
        """handle-errors: 401 for no ticket, a tampered or an expired one."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0) <= self.clock():
            raise Refused(
                401, "0x80072560", "The user is not a member of the organization, or the token ended."
            )
        # handle-errors: requests should say the version of OData, and take JSON
        if request.headers.get("odata-version") != "4.0" or "json" not in request.headers.get("accept", ""):
            raise Refused(400, "0x80060888", "expected OData-Version: 4.0 and Accept: application/json")

    def _slow_down(self) -> None:
        """limits: 429 with Retry-After in seconds; whoever goes on meanwhile waits longer."""
        self._asked += 1
        if self.hurry and self._asked % self.hurry == 0:
            message = "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds."
            raise Refused(429, "0x80072321", message, {"Retry-After": "5"})
        wait = self.window.refuse()
        if self.clock() < self._throttled_until or wait is not None:
            wait = max(wait or 0.0, (self._throttled_until - self.clock()) / SECOND, 1.0)
            self._throttled_until = self.clock() + int(wait * SECOND)
            message = (
                f"Number of requests exceeded the limit of {self.window.calls} over time window of "
                f"{self.window.within_s:.0f} seconds."
            )
            raise Refused(429, "0x80072322", message, {"Retry-After": str(int(wait) + 1)})

    def _batch(self, request: Request, body: bytes) -> Response:
        """batch: up to 1,000 requests, no batch in a batch, in order; errors end it unless told otherwise."""
        found = re.match(r'multipart/mixed;\s*boundary="?([^";]+)"?', request.headers.get("content-type", ""))
        if found is None:
            raise Refused(400, "0x80060888", "expected multipart/mixed with a boundary")
        boundary = found[1].encode()
        if not body.rstrip().endswith(b"--" + boundary + b"--"):
            raise Refused(400, "0x80060888", "the batch has no end")
        parts = body.split(b"--" + boundary)[1:-1]
        if len(parts) > 1_000:
            raise Refused(400, "0x80060888", "The batch has more than 1000 requests.")
        goes_on = "odata.continue-on-error" in request.headers.get("prefer", "")
        answers: list[bytes] = []
        mark = f"batchresponse_{uuid.uuid4()}".encode()
        status = 200
        for part in parts:
            answer, failed = self._part(part)
            answers.append(b"--" + mark + b"\r\n" + answer)
            if failed and not goes_on:
                status = 400
                break
        content = b"\r\n".join(answers) + b"\r\n--" + mark + b"--\r\n"
        return Response(content, status, media_type=f"multipart/mixed; boundary={mark.decode()}")

    def _part(self, part: bytes) -> tuple[bytes, bool]:
        head, _, rest = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if b"Content-Type: application/http" not in head or b"Transfer-Encoding: binary" not in head:
            raise Refused(400, "0x80060888", "each part is application/http, binary")
        lines, _, content = rest.partition(b"\r\n\r\n")
        first, *named = lines.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in named)}
        path = re.sub(r"^(https?://[^/]+)?/api/data/v9\.\d/", "", target)
        if path == "$batch":
            raise Refused(400, "0x80060888", "a batch can't contain a batch")
        try:
            response = self._one(method, path, headers, content.strip())
            status, body = response.status_code, bytes(response.body)
        except Refused as refused:
            status, body = refused.status, refused.body
        out = f"HTTP/1.1 {status} {'OK' if status < 300 else 'Error'}\r\nOData-Version: 4.0\r\n"
        if body:
            out += "Content-Type: application/json; odata.metadata=minimal\r\n"
        head_out = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        return head_out + out.encode() + b"\r\n" + body + b"\r\n", status >= 400

    def _one(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        path, _, query = target.partition("?")
        pairs = (one.partition("=") for one in query.split("&") if one)
        options = {unquote(name): unquote(value.replace("+", " ")) for name, _, value in pairs}
        content: Row = {}
        if body and method in ("POST", "PATCH"):
            if "application/json" not in headers.get("content-type", ""):
                raise Refused(400, "0x80060888", "a body must be application/json")  # handle-errors
            content = msgspec.json.decode(body)
        path = unquote(path)
        if method == "GET" and path == "WhoAmI":
            return JSONResponse({"UserId": str(uuid.UUID(int=1)), "OrganizationId": str(uuid.UUID(int=2))})
        if path.startswith("EntityDefinitions"):
            return self._metadata(method, path, content)
        if path == "leads/Microsoft.Dynamics.CRM.UpdateMultiple" and method == "POST":
            return self._update_multiple(content)
        if path.startswith("msdyn_predictivescores"):
            return self._score(method, path, content)
        name, _, rest = path.partition("(")
        table = self.tables.get(name)
        if table is None:
            raise Refused(404, "0x80060888", f"Resource not found for the segment '{path}'.")
        if not rest:
            if method == "GET":
                return self._query(table, options, headers)
            if method == "POST":
                return self._create(table, str(uuid.uuid4()), content)
            raise Refused(405, "0x80060888", "a collection can't be changed")  # handle-errors: 405
        id_ = rest.rstrip(")")
        if not _ID.match(id_):
            raise Refused(400, "0x80060888", f"Bad Request - Error in query syntax: {id_}")
        if method == "GET":
            context = f"{self.url}/api/data/v9.2/$metadata#{name}/$entity"
            return JSONResponse({"@odata.context": context, **self._row(table, id_)})
        if method == "DELETE":
            self._row(table, id_)
            self.delete(id_)
            return Response(status_code=204)
        return self._patch(table, id_, content, headers)

    def _row(self, table: Table, id_: str) -> Row:
        if id_ not in table.rows:
            singular = table.key.removesuffix("id")
            raise Refused(404, "0x80040217", f"Entity '{singular}' With Id = {id_} Does Not Exist")
        return table.rows[id_]

    def _patch(self, table: Table, id_: str, content: Row, headers: Mapping[str, str]) -> Response:
        """conditional: If-Match: * prevents a create, If-None-Match: * an update; upsert: else it is both."""
        there = id_ in table.rows
        if headers.get("if-none-match") == "*" and there:
            raise Refused(412, "0x80060892", "A record with matching key values already exists.")
        if headers.get("if-match") == "*" or there:
            self._update(table, id_, content)
            return Response(status_code=204)
        return self._create(table, id_, content)

    def _create(self, table: Table, id_: str, content: Row) -> Response:
        if table is self.leads:
            self.created.append(id_)
            content = dict.fromkeys(self.columns) | {"statecode": 0, "merged": False, **content}
        elif table is self.tasks:
            bound = content.get("regardingobjectid_lead_task@odata.bind", "")
            found = re.fullmatch(r"/?leads\((.+)\)", bound)
            if found is None or found[1] not in self.leads.rows:
                raise Refused(404, "0x80040217", f"Entity 'lead' With Id = {bound} Does Not Exist")
            if len(content.get("subject", "")) > 200:  # batch: the example's own error
                raise Refused(400, "0x80044331", "The length of the 'subject' attribute exceeded 200.")
        self._write(table, id_, {table.key: id_, **content})
        at = f"{self.url}/api/data/v9.2/{table.name}({id_})"
        return Response(status_code=204, headers={"OData-EntityId": at})

    def _checked(self, id_: str, content: Row) -> Row:
        """What of a lead may be written, or the error that the whole request fails with."""
        for name, value in content.items():
            if name not in self.columns:
                message = (
                    f"Error identified in Payload provided by the user for Entity :'leads'. The property "
                    f"'{name}' does not exist on type 'Microsoft.Dynamics.CRM.lead'."
                )
                raise Refused(400, "0x80048d19", message)
            if name in _READ_ONLY:
                raise Refused(400, "0x80040203", f"{name} can't be written")
            if self.columns[name] == "Double" and not isinstance(value, int | float):
                raise Refused(400, "0x80048d19", f"Cannot convert a value of {name} to Edm.Double")
            if name in _LENGTHS and isinstance(value, str) and len(value) > _LENGTHS[name]:
                message = f"A validation error occurred. The length of '{name}' exceeded '{_LENGTHS[name]}'."
                raise Refused(400, "0x80044331", message)
        if id_ in self.bad:
            who = self.leads.rows[id_]["emailaddress1"]  # a plug-in's own words
            raise Refused(400, "0x80040265", f"The territory of {who} is closed: ask your administrator.")
        return content

    def _update(self, table: Table, id_: str, content: Row) -> None:
        row = self._row(table, id_)
        if table is self.leads:
            self.foreign.update(name for name in self._checked(id_, content) if name not in OWN)
        self._write(table, id_, row | content)

    def _update_multiple(self, content: Row) -> Response:
        """bulk: each target says its type; on a standard table one error rolls everything back."""
        if not self.bulk:
            raise Refused(
                400, "0x80040800", "'UpdateMultiple' method does not support entities of type 'lead'."
            )
        targets = content["Targets"]
        if any(one.get("@odata.type") != "Microsoft.Dynamics.CRM.lead" for one in targets):
            raise Refused(400, "0x80048d19", "each of Targets needs its @odata.type")
        if len({one.get("leadid") for one in targets}) != len(targets):
            raise Refused(400, "0x80040237", "a record twice in one request")
        told = [
            (
                one["leadid"],
                {name: value for name, value in one.items() if name not in ("@odata.type", "leadid")},
            )
            for one in targets
        ]
        for id_, values in told:
            self._row(self.leads, id_)
            self._checked(id_, values)
        for id_, values in told:
            self._update(self.leads, id_, values)
        return Response(status_code=204)

    def _score(self, method: str, path: str, content: Row) -> Response:
        """scores, scores-table: by its key of record and table; whole numbers, choices of 0 to 3."""
        if not self.has_scores:
            raise Refused(404, "0x80060888", "Resource not found for the segment 'msdyn_predictivescores'.")
        found = re.fullmatch(
            r"msdyn_predictivescores\(msdyn_entityid='(.+?)',msdyn_entitytype='lead'\)", path
        )
        if method != "PATCH" or found is None:
            raise Refused(400, "0x80060888", "expected PATCH by msdyn_entityid and msdyn_entitytype")
        for name, top in (("msdyn_score", 2**31), ("msdyn_grade", 4), ("msdyn_scoretrend", 4)):
            if type(content.get(name)) is not int or content[name] >= top:
                raise Refused(400, "0x80048d19", f"{name}: expected a whole number")
        if len(content.get("msdyn_scorereasons", "")) > 10_000:
            raise Refused(400, "0x80044331", "msdyn_scorereasons: at most 10000 letters")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", content.get("msdyn_scoredon", "2026-01-01")):
            raise Refused(400, "0x80048d19", "msdyn_scoredon is a date only")
        if unknown := content.keys() - _SCORE_COLUMNS:
            raise Refused(400, "0x80048d19", f"The property '{min(unknown)}' does not exist")
        self.scores[found[1]] = content
        return Response(status_code=204)

    def _query(self, table: Table, options: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        select = [name for name in options.get("$select", "").split(",") if name]
        if table is self.leads:
            for name in select:
                if name not in self.columns:
                    message = (
                        f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.lead'."
                    )
                    raise Refused(400, "0x80060888", message)
        tracks = "odata.track-changes" in headers.get("prefer", "")
        if "$deltatoken" in options:
            return self._changes(table, select, options["$deltatoken"])
        if tracks:
            if not self.tracking:
                raise Refused(400, "0x80060888", f"change tracking is not enabled on {table.name}")
            for name in ("$filter", "$orderby", "$expand", "$top"):
                if name in options:
                    message = (
                        f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
                    )
                    raise Refused(400, "0x80060888", message)
        holds = _condition(options.get("$filter"))
        rows = [row for row in table.rows.values() if holds(row)]
        return self._paged(table, rows, select, options, headers, tracks)

    def _paged(
        self,
        table: Table,
        rows: list[Row],
        select: list[str],
        options: Mapping[str, str],
        headers: Mapping[str, str],
        tracks: bool,
    ) -> Response:
        """changes: a deltaLink on the last page; pages by odata.maxpagesize (handle-errors)."""
        wanted = re.search(r"odata\.maxpagesize=(\d+)", headers.get("prefer", ""))
        size = min(self.page, int(wanted[1])) if wanted else self.page
        token = options.get("$skiptoken", f"0!{self._version}!{self.clock()}")
        start, version, at = (int(part) for part in token.split("!"))
        told: Row = {"value": [_selected(table, row, select) for row in rows[start : start + size]]}
        base = f"{self.url}/api/data/v9.2/{table.name}?$select={','.join(select)}"
        if start + size < len(rows):
            told["@odata.nextLink"] = f"{base}&$skiptoken={start + size}!{version}!{at}"
        elif tracks:
            told["@odata.deltaLink"] = f"{base}&$deltatoken={version}!{at}"
        applied = {"Preference-Applied": "odata.track-changes"} if tracks else {}
        return JSONResponse(told, headers=applied)

    def _changes(self, table: Table, select: list[str], token: str) -> Response:
        """changes: new or changed rows, then what was deleted; a token lasts seven days."""
        version, at = (int(part) for part in token.split("!"))
        if self.clock() - at > _EXPIRES_S * SECOND:
            message = "Version stamp associated with the client has expired. Please perform a full sync."
            raise Refused(400, "0x80044352", message)
        changed = sorted(
            (seen, id_) for id_, seen in table.versions.items() if seen > version and id_ in table.rows
        )
        value: list[Row] = [_selected(table, table.rows[id_], select) for _, id_ in changed]
        context = f"{self.url}/api/data/v9.2/$metadata#{table.name}/$deletedEntity"
        for id_, seen in table.deleted.items():
            if seen > version:
                value.append({"@odata.context": context, "id": id_, "reason": "deleted"})
        base = f"{self.url}/api/data/v9.2/{table.name}?$select={','.join(select)}"
        link = f"{base}&$deltatoken={self._version}!{self.clock()}"
        return JSONResponse({"@odata.deltaLink": link, "value": value})

    def _metadata(self, method: str, path: str, content: Row) -> Response:
        """metadata: what a table's columns are; a POST to Attributes makes one."""
        if path == "EntityDefinitions(LogicalName='msdyn_predictivescore')":
            if not self.has_scores:
                raise Refused(404, "0x80060888", "Could not find an entity with name msdyn_predictivescore")
            return JSONResponse({"LogicalName": "msdyn_predictivescore"})
        if path == "EntityDefinitions(LogicalName='lead')/Attributes" and method == "POST":
            kind = content["AttributeType"]
            if content["@odata.type"] != f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata":
                raise Refused(400, "0x80048d19", "the @odata.type is not that of the AttributeType")
            if "_" not in content["SchemaName"] or not content["DisplayName"]["LocalizedLabels"]:
                raise Refused(400, "0x80044363", "expected a publisher's prefix, and a label")
            if content["SchemaName"].lower() in self.columns:
                raise Refused(400, "0x80044153", "An attribute with this name already exists.")
            self.columns[content["SchemaName"].lower()] = kind
            for row in self.leads.rows.values():
                row[content["SchemaName"].lower()] = None
            return Response(status_code=204)
        if path == "EntityDefinitions":
            named = {"LogicalName": "lead", "SchemaName": "Lead", "EntitySetName": "leads"}
            keys = {"PrimaryIdAttribute": "leadid", "PrimaryNameAttribute": "fullname"}
            return JSONResponse({"value": [{"MetadataId": str(uuid.UUID(int=3)), **named, **keys}]})
        if path.endswith("/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"):
            return JSONResponse({"value": []})
        if path != "EntityDefinitions(LogicalName='lead')":
            raise Refused(404, "0x80060888", "Could not find an entity with this name")
        attributes = [
            {"LogicalName": name, "IsValidForUpdate": name not in _READ_ONLY} for name in self.columns
        ]
        return JSONResponse(
            {"LogicalName": "lead", "ChangeTrackingEnabled": self.tracking, "Attributes": attributes}
        )


def _selected(table: Table, row: Row, select: list[str]) -> Row:
    names = {*select, table.key} if select else set(row)
    return {"@odata.etag": 'W/"1"', **{name: row.get(name) for name in sorted(names)}}


def _condition(told: str | None) -> Callable[[Row], bool]:
    """in: the query function, or nothing; text is compared whatever its case, as SQL Server does."""
    if told is None:
        return lambda row: True
    found = re.fullmatch(
        r"Microsoft\.Dynamics\.CRM\.In\(PropertyName='(\w+)',PropertyValues=\[(.*)\]\)", told
    )
    if found is None:
        raise Refused(400, "0x80060888", f"Syntax error in $filter: {told}")
    values = {one.replace("''", "'").lower() for one in re.findall(r"'((?:[^']|'')*)'", found[2])}
    return lambda row: str(row.get(found[1])).lower() in values
