"""Describes the read API's paths as an OpenAPI 3.1 document."""

from typing import Any, Final

from connectors.serve.accounts import SORTS as ACCOUNT_SORTS
from connectors.serve.facts import ANSWERS
from connectors.serve.leads import SORTS

_JSON: Final = "application/json"
Document = dict[str, Any]


def _object(description: str, required: list[str], **properties: Document) -> Document:
    return {"type": "object", "description": description, "required": required, "properties": properties}


_NUMBER: Final = {"type": "number"}
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_NEXT: Final = {"type": ["string", "null"], "description": "The `after` of the next page; null on the last."}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Document) -> Document:
    return {"type": "array", "items": items}


_SCHEMAS: Final[Document] = {
    "Error": _object("What is wrong.", ["error"], error=_TEXT),
    "Lead": _object(
        "A lead's score record at the moment of asking.",
        ["lead_id", "score", "tier", "scores", "contributions", "as_of", "next_tier", "identities", "traits"],
        lead_id=_TEXT,
        score=_NUMBER,
        tier=_TEXT,
        since=_TIME,
        scores={"type": "object", "additionalProperties": _NUMBER},
        contributions={"type": "object", "additionalProperties": _NUMBER},
        as_of=_TIME,
        next_tier={"type": ["object", "null"], "properties": {"tier": _TEXT, "at": _TIME}},
        grid=_TEXT,
        version={"type": "integer"},
        identities=_list(_TEXT),
        traits={"type": "object"},
        fading=_list({"type": "array", "description": "criterion, points, half_life_s, as_of, until"}),
        pending=_list({"type": "array", "description": "criterion, points, from"}),
        last_event={"type": ["object", "null"], "properties": {"type": _TEXT, "time": _TIME, "title": _TEXT}},
        channel=_MAYBE_TEXT,
        owner=_MAYBE_TEXT,
        answer={"anyOf": [_ref("Answer"), {"type": "null"}]},
        spark={**_list(_NUMBER), "description": "The score 6, 5, 4, 3, 2 and 1 days ago, and now."},
    ),
    "Answer": _object(
        "What sales said.",
        ["answer"],
        answer={"enum": sorted(ANSWERS)},
        by=_MAYBE_TEXT,
        note=_MAYBE_TEXT,
        at=_TIME,
    ),
    "Alert": _object(
        "An alert.",
        [
            "id",
            "play",
            "lead_id",
            "from",
            "to",
            "score",
            "at",
            "reasons",
            "do",
            "answer",
            "deliveries",
            "lead",
        ],
        id=_TEXT,
        play=_TEXT,
        lead_id=_TEXT,
        score=_NUMBER,
        at=_TIME,
        reasons=_list({"type": "object"}),
        do=_list({"type": "object"}),
        answer={"anyOf": [_ref("Answer"), {"type": "null"}]},
        deliveries=_list(
            {
                "type": "object",
                "description": "channel, destination, result, at, attempts, due, reason, expired",
            }
        ),
        lead={"type": ["object", "null"], "description": "The lead as it stands now, abridged."},
    )
    | {"additionalProperties": True},
    "Event": _object(
        "An event of a timeline.",
        ["id", "type", "time", "received", "points"],
        id=_TEXT,
        type=_TEXT,
        time=_TIME,
        received=_TIME,
        lead_id=_MAYBE_TEXT,
        anonymous_id=_MAYBE_TEXT,
        properties={"type": "object"},
        points=_list(_object("", [], criterion=_TEXT, label={"type": "object"}, then=_NUMBER, now=_NUMBER)),
    ),
    "LeadPlay": _object(
        "How a play stands for a lead, or for an account.",
        ["play", "when", "state", "last_at", "cooldown_until", "opens"],
        play=_TEXT,
        when={"type": "object"},
        state={"enum": ["missing", "comes", "waits", "holds", "elsewhere", "not_known"]},
        missing=_list(_object("", ["of", "needs", "has", "points"], of=_MAYBE_TEXT, points=_NUMBER)),
        at=_TIME,
        since=_TIME,
        alerted={"type": ["boolean", "null"]},
        held_back=_MAYBE_TEXT,
        label={"type": "object"},
        gained={**_NUMBER, "description": "Of `gains`: the points gained within its time."},
        lead={**_TEXT, "description": "The tier that one of the account's leads must come into."},
        last_at=_MAYBE_TEXT,
        cooldown_until=_MAYBE_TEXT,
        opens=_MAYBE_TEXT,
    ),
    "Change": _object(
        "A change of the tier.", ["at", "from", "to"], at=_TIME, to=_TEXT, criterion=_MAYBE_TEXT
    ),
}
_ID: Final = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
_AFTER: Final = {
    "name": "after",
    "in": "query",
    "schema": _TEXT,
    "description": "The `next` of the page before.",
}


def _limit(default: int) -> Document:
    schema = {"type": "integer", "minimum": 1, "maximum": 500, "default": default}
    return {"name": "limit", "in": "query", "schema": schema}


def _query(name: str, schema: Document, description: str = "") -> Document:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_MEANINGS: Final = {
    "400": "The query or the body is wrong.",
    "401": "No or wrong read key.",
    "403": "A key that sends events, or a request sent by another site.",
    "404": "There is no such thing.",
    "413": "The body is too large.",
    "503": "The cache is being rebuilt, or a part behind is away; ask again after Retry-After.",
}


def _answers(content: Document, *errors: str) -> Document:
    refused = {
        code: {"description": _MEANINGS[code], "content": {_JSON: {"schema": _ref("Error")}}}
        for code in errors
    }
    return {"200": {"description": "The answer.", "content": {_JSON: {"schema": content}}}, **refused}


def _get(summary: str, content: Document, *parameters: Document, missing: bool = True) -> Document:
    errors = ("400", "401", "403", *(("404",) if missing else ()), "503")
    return {
        "get": {"summary": summary, "parameters": list(parameters), "responses": _answers(content, *errors)}
    }


def _open(summary: str, media: str = _JSON) -> Document:
    told = {"200": {"description": "The answer.", "content": {media: {}}}}
    return {"get": {"summary": summary, "security": [], "responses": told}}


def _lead_paths() -> Document:
    leads = _object("", ["leads", "next"], leads=_list(_ref("Lead")), next=_NEXT, as_of=_TIME)
    events = _object(
        "", ["events", "changes"], events=_list(_ref("Event")), changes=_list(_ref("Change")), next=_NEXT
    )
    points = _list({"type": "array", "description": "time, score"})
    curve = _object("", [], as_of=_TIME, past=points, future=points, changes=_list(_ref("Change")))
    plays = _object(
        "",
        ["lead_id", "as_of", "plays", "assigned", "tasks"],
        lead_id=_TEXT,
        as_of=_TIME,
        plays=_list(_ref("LeadPlay")),
        assigned={"type": ["object", "null"], "description": "person, name, why, at, alert, open"},
        tasks=_list({"type": "object", "description": "what, person, name, since, due, state, by, alert"}),
    )
    account = _object(
        "",
        [],
        account=_TEXT,
        company=_TEXT,
        score=_NUMBER,
        tier=_TEXT,
        since=_TIME,
        count=_NUMBER,
        leads=_list(_ref("Lead")),
    )
    account_plays = _object(
        "", ["account", "as_of", "plays"], account=_TEXT, as_of=_TIME, plays=_list(_ref("LeadPlay"))
    )
    accounts = _object("", ["accounts", "next"], accounts=_list(account), next=_NEXT, as_of=_TIME)
    return {
        "/v1/leads": _get(
            "Leads, hottest first unless `sort` says otherwise.",
            leads,
            _query("tier", _TEXT),
            _query("q", _TEXT, "Beginnings of words of name, company, e-mail, ids."),
            _query("sort", {"enum": list(SORTS), "default": "score"}),
            _limit(50),
            _AFTER,
            missing=False,
        ),
        "/v1/leads/{id}": _get("A lead, by any of its identities.", _ref("Lead"), _ID),
        "/v1/leads/{id}/timeline": _get("What a lead did.", events, _ID, _limit(100), _AFTER),
        "/v1/leads/{id}/curve": _get(
            "A lead's score over time.",
            curve,
            _ID,
            _query("days", {"type": "integer", "minimum": 1, "maximum": 366, "default": 30}),
            _query("ahead", {"type": "integer", "minimum": 0, "maximum": 366, "default": 14}),
        ),
        "/v1/leads/{id}/plays": _get(
            "Why each play of the grid went off, or does not; who has the lead, and what is to be done.",
            plays,
            _ID,
        ),
        "/v1/accounts": _get(
            "Companies, hottest first unless `sort` says otherwise.",
            accounts,
            _query("tier", _TEXT),
            _query("q", _TEXT, "Beginnings of words of company and e-mail domain."),
            _query("sort", {"enum": list(ACCOUNT_SORTS), "default": "score"}),
            _limit(50),
            _AFTER,
            missing=False,
        ),
        "/v1/accounts/{id}": _get("A company, by e-mail domain or name.", account, _ID, _limit(500)),
        "/v1/accounts/{id}/plays": _get(
            "Why each play of accounts went off for a company, or does not.", account_plays, _ID
        ),
    }


def _alert_paths() -> Document:
    alerts = _object("", ["alerts", "next"], alerts=_list(_ref("Alert")), next=_NEXT)
    answered = {
        "summary": "Answers an alert; returns once the broker has the answer.",
        "parameters": [_ID],
        "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("Answer")}}},
        "responses": _answers(_ref("Answer"), "400", "401", "403", "404", "413", "503"),
    }
    return {
        "/v1/alerts": _get(
            "Alerts, newest first.",
            alerts,
            _query("answered", {"enum": ["yes", "no"]}),
            _query("lead", _TEXT, "Of this lead only, by any of its identities."),
            _limit(50),
            _AFTER,
        ),
        "/v1/alerts/{id}": _get("An alert.", _ref("Alert"), _ID),
        "/v1/alerts/{id}/answer": {"post": answered},
    }


def _session_path() -> Document:
    key = _object("", ["key"], key=_TEXT)
    opened = {
        "summary": "Exchanges a read key for a cookie.",
        "security": [],
        "requestBody": {"required": True, "content": {_JSON: {"schema": key}}},
        "responses": _answers({"type": "object"}, "400", "401", "403", "413"),
    }
    ended = {
        "summary": "Takes the cookie back.",
        "security": [],
        "responses": {"204": {"description": "Done."}},
    }
    return {"/v1/session": {"post": opened, "delete": ended}}


def document() -> Document:
    """The whole document."""
    anything: Document = {"type": "object"}
    stream = _get(
        "Facts as they come: `hello`, `score`, `removed`, `alert`, `answer`, `account`, `state`.",
        anything,
        missing=False,
    )
    arrivals = _get("Samples of what the gateway was sent, masked, as they come.", anything, missing=False)
    for one in (stream, arrivals):
        one["get"]["responses"]["200"]["content"] = {"text/event-stream": {}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "LeadHeat read API", "version": "1"},
        "security": [{"key": []}, {"cookie": []}],
        "paths": {
            **_lead_paths(),
            **_alert_paths(),
            **_session_path(),
            "/v1/grid": _get("The grid in force.", anything, missing=False),
            "/v1/status": _get("Leads by tier, and whether the picture is whole.", anything, missing=False),
            "/v1/stream": stream,
            "/v1/arrivals": arrivals,
            "/healthz": _open("Whether the process lives."),
            "/readyz": _open("Whether it can answer; 503 with the reason where not."),
            "/metrics": _open("Prometheus metrics.", "text/plain"),
            "/openapi.json": _open("This document."),
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "leadheat_session"},
            },
        },
    }
