"""A strict stand-in for HubSpot's CRM API v3, built from HubSpot's public documentation.

Pages, as comments name them (developers.hubspot.com/docs/ unless said):
- update: api-reference/legacy/crm/objects/contacts/batch/update-contacts
- read: api-reference/legacy/crm/objects/contacts/batch/read-contacts
- codes: changelog/simplifying-batch-update-response-codes-for-crm-v3-apis (200, or 207 where some fail)
- errors: api-reference/error-handling (the fields of an error; 207; 423; 429; 477)
- usage: api/usage-details (limits, the body of a 429; DAILY resets at midnight)
- search: api-reference/legacy/crm/search-the-crm; changelog/breaking-change-expanded-filtering-…
- oauth: api-reference/auth-oauth-v3/guide (v3, all in the body; access tokens last 30 minutes)
- properties: api-reference/legacy/crm/properties
- tasks: api/crm/tasks
- merge: api-reference/legacy/crm/objects/contacts/merge-contacts; the merged record has an id of its own
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

from scorer.times import SECOND, Micros, format_time, parse_time
from tests.sync.standin import StandIn, Window

TOKEN = "pat-eu1-00000000-0000-4000-8000-000000000001"
CLIENT, SECRET, REFRESH = "client-1", "secret-1", "refresh-1"
OWN = {
    "leadheat_score": "number",
    "leadheat_grade": "string",
    "leadheat_trend": "string",
    "leadheat_tier": "string",
    "leadheat_reasons": "string",
    "leadheat_lead_id": "string",
}
_STANDARD = (
    "email firstname lastname phone jobtitle company numemployees annualrevenue industry country city "
    "lifecyclestage hs_lead_status hs_v2_date_entered_customer createdate lastmodifieddate hs_object_id "
    "hs_merged_object_ids"
)
_READ_ONLY = {
    "createdate",
    "lastmodifieddate",
    "hs_object_id",
    "hs_merged_object_ids",
    "hs_v2_date_entered_customer",
}
_BATCH, _SEARCH_PAGE, _SEARCH_ALL = 100, 200, 10_000
_TOKEN_S = 1_800
Values = dict[str, str | None]


class Refused(Exception):
    """An answer in HubSpot's own words (errors)."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "status": "error",
            "message": message,
            "correlationId": str(uuid.uuid4()),
            "category": category,
            **more,
        }


class HubSpot(StandIn):
    """An account, with a token of a private app, and an app of OAuth."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.contacts: dict[str, Values] = {}
        self.archived: dict[str, Values] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.properties = dict.fromkeys(_STANDARD.split(), "string")
        self.groups = {"contactinformation"}
        self.bad: set[str] = set()
        """Contacts that can't be updated."""
        self.tells_who = True
        """Whether what is wrong with one is told in a 207; else the whole batch is refused (400)."""
        self.scopes = {"crm.objects.contacts.read", "crm.objects.contacts.write"}
        self.burst = Window(100, 10.0, clock)  # usage: of the least account
        self.searches = Window(5, 1.0, clock)  # usage: five a second
        self.hurry = 0
        """Every so manyth request finds that others have used the limit up; 0: none."""
        self._asked = 0
        self.lag_s = 0.0
        """How long a search takes to know of a change (search: a few moments)."""
        self._tokens: dict[str, int] = {TOKEN: 1 << 62}
        self._next = 1_000

    # --- people's doing -------------------------------------------------------------------------

    def add_contact(self, **values: str | None) -> str:
        self._next += 1
        id_ = str(self._next)
        self.contacts[id_] = {"hs_object_id": id_, "createdate": self._now()}
        self._write(id_, values)
        return id_

    def edit(self, id_: str, **values: str | None) -> None:
        self._write(id_, values)

    def archive(self, id_: str) -> None:
        self.archived[id_] = self.contacts.pop(id_)

    def merge(self, primary: str, secondary: str) -> str:
        """merge: one new record, which knows what it came of; the old ids are nobody's."""
        first, second = self.contacts.pop(primary), self.contacts.pop(secondary)
        kept = {name: value for name, value in first.items() if name not in _READ_ONLY and value}
        other = {name: value for name, value in second.items() if name not in _READ_ONLY and value}
        id_ = self.add_contact(**{**other, **kept})
        self.contacts[id_]["hs_merged_object_ids"] = f"{primary};{secondary}"
        return id_

    def _now(self) -> str:
        return format_time(self.clock() // 1_000 * 1_000)

    def _write(self, id_: str, values: Values) -> None:
        """update: any write, be it the same value, is a change of lastmodifieddate."""
        self.contacts[id_] |= values
        self.contacts[id_]["lastmodifieddate"] = self._now()

    def revoke(self) -> None:
        self._tokens = {TOKEN: 1 << 62}

    # --- HTTP -----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        contacts, tasks = "/crm/v3/objects/contacts", "/crm/v3/objects/tasks"
        found = [
            ("POST", "/oauth/v3/token", self._token),
            ("POST", f"{contacts}/batch/read", self._batch_read),
            ("POST", f"{contacts}/batch/update", self._batch_update),
            ("POST", f"{contacts}/batch/upsert", self._accident),
            ("POST", f"{contacts}/batch/create", self._accident),
            ("POST", f"{contacts}/search", self._search),
            ("POST", contacts, self._accident),
            ("GET", contacts, self._list),
            ("POST", tasks, self._add_task),
            ("POST", f"{tasks}/batch/read", self._read_tasks),
            ("GET", "/crm/v4/objects/contacts/{id}/associations/tasks", self._tasks_of),
            ("GET", "/crm/v3/properties/contacts", self._list_properties),
            ("POST", "/crm/v3/properties/contacts", self._add_property),
            ("POST", "/crm/v3/properties/contacts/groups", self._add_group),
        ]
        routes = [Route(path, self._checked(answer), methods=[method]) for method, path, answer in found]
        return Starlette(routes=routes)

    def _checked(self, answer: Callable[[Request, Any], Response]) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            body = await request.body()
            try:
                if request.url.path.startswith("/oauth"):
                    return self.note(request, answer(request, dict(parse_qsl(body.decode()))))
                self._let_in(request)
                self._slow_down(request)
                if body and request.headers.get("content-type", "").partition(";")[0] != "application/json":
                    raise Refused(415, "VALIDATION_ERROR", "Unsupported Media Type")
                response = answer(request, msgspec.json.decode(body) if body else {})
            except Refused as refused:
                response = JSONResponse(refused.body, refused.status)
            return self.note(request, response)

        return respond

    def _token(self, request: Request, form: dict[str, str]) -> Response:
        """oauth: everything in the body; a new access token lasts 30 minutes."""
        names = ("grant_type", "client_id", "client_secret", "refresh_token")
        if tuple(map(form.get, names)) != ("refresh_token", CLIENT, SECRET, REFRESH):
            told = {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}
            return JSONResponse(told, 400)
        token = uuid.uuid4().hex
        self._tokens[token] = self.clock() + _TOKEN_S * SECOND
        return JSONResponse(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": _TOKEN_S,
                "refresh_token": REFRESH,
            }
        )

    def _let_in(self, request: Request) -> None:
        """errors: 401 where authentication is invalid or ended, 403 where a scope is missing."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self._tokens:
            raise Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if self._tokens[token] <= self.clock():
            raise Refused(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
        writes = request.url.path.endswith(("/update", "/tasks"))
        needed = f"crm.objects.contacts.{'write' if writes else 'read'}"
        if needed not in self.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            why = {"message": f"One or more of the following scopes are required: {needed}"}
            raise Refused(403, "MISSING_SCOPES", message, errors=[why])

    def _slow_down(self, request: Request) -> None:
        """usage: 429 with the policy's name; no Retry-After is documented for it."""
        search = request.url.path.endswith("/search")
        self._asked += 1
        hurried = self.hurry and self._asked % self.hurry == 0
        if hurried or (self.searches if search else self.burst).refuse() is not None:
            policy = "SECONDLY" if search else "TEN_SECONDLY_ROLLING"
            message = f"You have reached your {policy.lower()} limit."
            raise Refused(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)

    def _accident(self, request: Request, told: Any) -> Response:
        """A call that creates people: no connector makes it."""
        self.created.append(request.url.path)
        raise Refused(400, "VALIDATION_ERROR", "this stand-in creates nobody")

    def _inputs(self, told: Any) -> list[dict[str, Any]]:
        """update, read: a batch has at most 100 inputs, and no id twice."""
        inputs = told.get("inputs")
        if not isinstance(inputs, list) or not inputs:
            raise Refused(
                400, "VALIDATION_ERROR", "Invalid input JSON: Missing the following fields: [inputs]"
            )
        if len(inputs) > _BATCH:
            raise Refused(400, "VALIDATION_ERROR", f"The maximum number of inputs is {_BATCH}")
        if len({one["id"] for one in inputs}) != len(inputs):
            raise Refused(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
        return inputs

    def _batch_read(self, request: Request, told: Any) -> Response:
        """read: by id or a unique property; whom there is nobody of is among the errors of a 207."""
        inputs = self._inputs(told)
        wanted = told.get("properties", [])
        id_property = told.get("idProperty")
        if id_property not in (None, "email"):
            raise Refused(400, "VALIDATION_ERROR", f"{id_property} is no unique property")
        by_email = {values.get("email"): id_ for id_, values in self.contacts.items()}
        results, missing = [], []
        for one in inputs:
            id_ = by_email.get(one["id"].lower()) if id_property else one["id"]
            if id_ in self.contacts:
                results.append(self._told(id_, wanted))
            else:
                missing.append(one["id"])
        return self._multi(results, [self._not_found(missing)] if missing else [])

    def _not_found(self, ids: list[str]) -> dict[str, Any]:
        return {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
            "context": {"ids": ids},
        }

    def _batch_update(self, request: Request, told: Any) -> Response:
        """update: never creates; unknown and read-only properties are an error; codes: 200, or 207."""
        inputs = self._inputs(told)
        wrong = []
        for one in inputs:
            if "idProperty" in one:
                raise Refused(400, "VALIDATION_ERROR", "this stand-in takes ids alone")
            for name, value in one["properties"].items():
                wrong += self._wrong(name, value)
            if one["id"] in self.bad and not self.tells_who:
                wrong.append({"message": f"{one['id']} is locked", "code": "INVALID", "in": "id"})
        if wrong:
            message = f"Property values were not valid: {msgspec.json.encode(wrong).decode()}"
            raise Refused(400, "VALIDATION_ERROR", message, errors=wrong)
        results, missing, errors = [], [], []
        for one in inputs:
            if one["id"] not in self.contacts:
                missing.append(one["id"])
            elif one["id"] in self.bad:
                errors.append(
                    {
                        "status": "error",
                        "category": "VALIDATION_ERROR",
                        "message": "the contact is locked by a workflow",
                        "context": {"objectWriteTraceId": [one["objectWriteTraceId"]]},
                    }
                )
            else:
                self.foreign.update(name for name in one["properties"] if name not in OWN)
                self._write(one["id"], one["properties"])
                results.append(self._told(one["id"], list(one["properties"])))
        if missing:
            errors.append(self._not_found(missing))
        return self._multi(results, errors)

    def _wrong(self, name: str, value: Any) -> list[dict[str, str]]:
        if name not in self.properties:
            return [
                {"message": f'Property "{name}" does not exist', "code": "PROPERTY_DOESNT_EXIST", "in": name}
            ]
        if name in _READ_ONLY:
            return [{"message": f"{name} is a read only property", "code": "READ_ONLY_VALUE", "in": name}]
        if not isinstance(value, str):
            return [{"message": f"{name} is no text", "code": "INVALID_STRING", "in": name}]
        if (
            self.properties[name] == "number"
            and value
            and not value.lstrip("-").replace(".", "", 1).isdigit()
        ):
            return [{"message": f"{value} was not a valid number", "code": "INVALID_NUMBER", "in": name}]
        return []

    def _multi(self, results: list[Any], errors: list[Any]) -> Response:
        told = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": self._now(),
            "completedAt": self._now(),
        }
        if errors:
            told |= {"numErrors": len(errors), "errors": errors}
        return JSONResponse(told, 207 if errors else 200)

    def _told(self, id_: str, wanted: list[str], archived: bool = False) -> dict[str, Any]:
        """read: asked for by name, and some always; a property that isn't there is left out."""
        held = (self.archived if archived else self.contacts)[id_]
        names = {*wanted, "hs_object_id", "createdate", "lastmodifieddate"} & self.properties.keys()
        return {
            "id": id_,
            "properties": {name: held.get(name) for name in sorted(names)},
            "createdAt": held["createdate"],
            "updatedAt": held["lastmodifieddate"],
            "archived": archived,
        }

    def _search(self, request: Request, told: Any) -> Response:
        """search: at most 200 a page, 10,000 in all, 5 groups of filters, one way to sort."""
        limit = told.get("limit", 10)
        after = int(told.get("after") or 0)
        groups = told.get("filterGroups", [])
        if limit > _SEARCH_PAGE or after + limit > _SEARCH_ALL:
            raise Refused(400, "VALIDATION_ERROR", "paging past 200 a page or 10,000 in all")
        if (
            len(groups) > 5
            or len(told.get("sorts", [])) > 1
            or any(len(one["filters"]) > 6 for one in groups)
        ):
            raise Refused(400, "VALIDATION_ERROR", "too many groups, filters or sorts")
        until = self.clock() - int(self.lag_s * SECOND)
        seen = [
            id_
            for id_, values in self.contacts.items()
            if parse_time(str(values["lastmodifieddate"])) <= until
            and (not groups or any(all(_holds(values, each) for each in one["filters"]) for one in groups))
        ]
        for sort in told.get("sorts", []):
            down = sort.get("direction") == "DESCENDING"
            seen.sort(key=lambda id_: _value(self.contacts[id_], sort["propertyName"]), reverse=down)
        page = [self._told(id_, told.get("properties", [])) for id_ in seen[after : after + limit]]
        found: dict[str, Any] = {"total": len(seen), "results": page}
        if after + limit < len(seen):
            found["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(found)

    def _list(self, request: Request, told: Any) -> Response:
        archived = request.query_params.get("archived") == "true"
        limit = int(request.query_params.get("limit", "10"))
        if limit > 100:
            raise Refused(400, "VALIDATION_ERROR", "limit: at most 100")
        ids = sorted(self.archived if archived else self.contacts, key=int)
        after = int(request.query_params.get("after") or 0)
        left = [id_ for id_ in ids if int(id_) > after]
        found: dict[str, Any] = {"results": [self._told(id_, [], archived) for id_ in left[:limit]]}
        if len(left) > limit:
            found["paging"] = {"next": {"after": left[limit - 1]}}
        return JSONResponse(found)

    def _add_task(self, request: Request, told: Any) -> Response:
        """tasks: hs_timestamp is required; type 204 ties a task to a contact."""
        if not told["properties"].get("hs_timestamp"):
            raise Refused(
                400, "VALIDATION_ERROR", "Error creating TASK. Some required properties were not set."
            )
        for one in told["associations"]:
            kinds = [kind["associationTypeId"] for kind in one["types"]]
            if kinds != [204] or one["to"]["id"] not in self.contacts:
                raise Refused(400, "VALIDATION_ERROR", "the association is none")
        self._next += 1
        self.tasks[str(self._next)] = told
        return JSONResponse({"id": str(self._next), "properties": told["properties"]}, 201)

    def _read_tasks(self, request: Request, told: Any) -> Response:
        results = [
            {"id": one["id"], "properties": self.tasks[one["id"]]["properties"]} for one in self._inputs(told)
        ]
        return self._multi(results, [])

    def _tasks_of(self, request: Request, told: Any) -> Response:
        contact = request.path_params["id"]
        results = [
            {"toObjectId": int(id_), "associationTypes": []}
            for id_, task in self.tasks.items()
            if any(one["to"]["id"] == contact for one in task["associations"])
        ]
        return JSONResponse({"results": results})

    def _list_properties(self, request: Request, told: Any) -> Response:
        results = [
            {"name": name, "type": kind, "modificationMetadata": {"readOnlyValue": name in _READ_ONLY}}
            for name, kind in self.properties.items()
        ]
        return JSONResponse({"results": results})

    def _add_property(self, request: Request, told: Any) -> Response:
        """properties: type and fieldType go together, the group must be there, a name once."""
        fields = {"number": {"number"}, "string": {"text", "textarea"}, "datetime": {"date"}}
        if told["fieldType"] not in fields.get(told["type"], ()):
            raise Refused(400, "VALIDATION_ERROR", "the fieldType is none of this type")
        if told["groupName"] not in self.groups:
            raise Refused(400, "VALIDATION_ERROR", f"Property group {told['groupName']} does not exist")
        if told["name"] in self.properties:
            raise Refused(409, "CONFLICT", f"Property named {told['name']} already exists")
        self.properties[told["name"]] = told["type"]
        return JSONResponse(told, 201)

    def _add_group(self, request: Request, told: Any) -> Response:
        if told["name"] in self.groups:
            raise Refused(409, "CONFLICT", "the group is there")
        self.groups.add(told["name"])
        return JSONResponse(told, 201)


def _value(values: Values, name: str) -> Any:
    told = values.get(name) or ""
    if name == "hs_object_id":
        return int(told)
    return parse_time(told) // 1_000 if name == "lastmodifieddate" else told


def _holds(values: Values, told: dict[str, str]) -> bool:
    value, wanted = _value(values, told["propertyName"]), int(told["value"])
    return {"GTE": value >= wanted, "GT": value > wanted, "EQ": value == wanted}[told["operator"]]
