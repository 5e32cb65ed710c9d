"""Describes the gateway's paths as an OpenAPI 3.1 document."""

import re
from typing import Any, Final

from connectors.ingest import (
    browser,
    browser_script,
    cloudevents,
    ga4,
    links,
    mail_pages,
    matomo,
    mautic,
    native,
    posthog,
    rudder,
    segment,
    snowplow,
)
from connectors.ingest.trackers import TRACKERS
from connectors.ingest.webhooks import receiving as webhooks
from connectors.ingest.webhooks.registry import providers

_JSON: Final = "application/json"
_Security = list[dict[str, list[str]]]
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Something that somebody did. At least one of lead_id and anonymous_id names who.",
    "required": ["type"],
    "anyOf": [{"required": ["lead_id"]}, {"required": ["anonymous_id"]}],
    "properties": {
        "id": {
            "type": ["string", "number", "null"],
            "description": "Unique; a second event with it changes nothing.",
        },
        "type": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "examples": ["page_view", "email_click"]},
        "lead_id": {"type": ["string", "null"]},
        "anonymous_id": {"type": ["string", "null"]},
        "time": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Absent: the time of reception.",
        },
        "properties": {"type": ["object", "null"]},
        "traits": {"type": ["object", "null"], "description": "Of an identify: what the person is like."},
        "context": {"type": ["object", "null"]},
    },
}
_OPEN: Final[_Security] = []
"""Said, since `leadheat up` joins this document to the read API's, where a read key is the rule."""
_REJECTED: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["index", "error"],
        "properties": {"index": {"type": "integer"}, "error": {"type": "string"}},
    },
}
_SCHEMAS: Final[dict[str, Any]] = {
    "IncomingEvent": _EVENT,
    "Accepted": {
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {"accepted": {"type": "integer"}, "rejected": _REJECTED},
    },
    "WebhookAnswer": {
        "type": "object",
        "required": ["accepted"],
        "properties": {"accepted": {"type": "integer"}, "duplicate": {"const": True}},
    },
    "SegmentAnswer": {
        "type": "object",
        "required": ["success"],
        "properties": {"success": {"const": True}, "rejected": _REJECTED},
    },
    "BrowserAnswer": {"type": "object", "required": ["rejected"], "properties": {"rejected": _REJECTED}},
    "BrowserEvents": {
        "type": "object",
        "required": ["sent_at", "events"],
        "properties": {
            "sent_at": {"type": "string", "format": "date-time", "description": "By the browser's clock."},
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "type", "time", "anonymous_id"],
                    "properties": {
                        "type": {"enum": sorted(browser.OWN)},
                        "name": {"type": ["string", "null"], "description": "Of a `track`."},
                        "lead_id": {
                            "type": ["string", "integer", "null"],
                            "description": "Of an `identify`.",
                        },
                    },
                },
            },
        },
    },
    "Refused": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "SegmentMessage": {
        "type": "object",
        "description": "A call of Segment's specification.",
        "properties": {
            "type": {"enum": ["page", "track", "identify", "group", "alias", "screen"]},
            "userId": {"type": ["string", "number", "null"]},
            "anonymousId": {"type": ["string", "number", "null"]},
            "messageId": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
        },
    },
    "SegmentBatch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "items": {"$ref": "#/components/schemas/SegmentMessage"}},
            "sentAt": {"type": "string", "format": "date-time"},
            "writeKey": {"type": "string"},
        },
    },
}
_REFUSALS: Final = {
    "400": "Nothing acceptable in the request",
    "401": "No write key, or an unknown one",
    "403": "A key of another kind",
    "408": "The body did not arrive in time",
    "413": "A body over 1 MB or an event over 32 kB, after decompression",
    "429": "Too fast; see Retry-After",
    "503": "The broker is away; see Retry-After",
}
_PARAMETER: Final = re.compile(r"{(\w+)}")
_EVENTS_BODY: Final = {
    _JSON: {
        "schema": {
            "oneOf": [
                {"$ref": "#/components/schemas/IncomingEvent"},
                {"type": "array", "items": {"$ref": "#/components/schemas/IncomingEvent"}},
            ]
        }
    },
    "application/x-ndjson": {"schema": {"type": "string"}},
}
_CLOUDEVENTS_BODY: Final[dict[str, Any]] = {
    "application/cloudevents+json": {"schema": {"type": "object"}},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": {"type": "object"}}},
    _JSON: {"schema": {"description": "The data of an event whose attributes are ce- headers"}},
}

_PUBLIC: Final[dict[str, dict[str, tuple[tuple[str, ...], dict[str, str]]]]] = {
    "RudderStack": dict.fromkeys(rudder.IMAGE_PATHS, (("get",), {"200": "A GIF"})),
    "Matomo": dict.fromkeys(
        matomo.PATHS,
        (("get", "post"), {"200": "A GIF, or the counts of a bulk request", "204": "With send_image=0"}),
    ),
    "Google Analytics 4": {
        ga4.SERVER_PATH: (("post",), {"204": "Taken"}),
        ga4.WEB_PATH: (("get", "post"), {"204": "Taken"}),
        ga4.VALIDATION_PATH: (("post",), {"200": "What is wrong; nothing is kept"}),
    },
    "Mautic": {
        mautic.EVENT_PATH: (("post",), {"200": "The ids of the device"}),
        mautic.IMAGE_PATH: (("get",), {"200": "A GIF"}),
        mautic.CONTACT_PATH: (("get",), {"200": "The ids of the device"}),
        mautic.SCRIPT_PATH: (("get",), {"200": "The script"}),
    },
}
"""Paths of protocols whose key is a public id in the request: their methods, and what is answered."""


_SECURITY: Final[dict[str, Any]] = {
    "writeKey": {"type": "http", "scheme": "bearer"},
    "browserKey": {"type": "apiKey", "in": "query", "name": "key"},
    "segmentKey": {"type": "http", "scheme": "basic", "description": "The write key as user name."},
    "webhookPassword": {
        "type": "http",
        "scheme": "basic",
        "description": "A secret write key, or the provider's own key, as password.",
    },
    "webhookQueryKey": {"type": "apiKey", "in": "query", "name": "key"},
}


def document() -> dict[str, Any]:
    """The whole document."""
    bearer: _Security = [{"writeKey": []}]
    described = {
        native.PATH: _post("Send events", _EVENTS_BODY, "Accepted", bearer),
        cloudevents.PATH: _post("Send CloudEvents 1.0", _CLOUDEVENTS_BODY, "Accepted", bearer),
        webhooks.PATH: {"post": _webhook()},
        **_segment_paths(),
        **_browser_paths(),
        **_link_paths(),
    }
    for protocol, paths in _PUBLIC.items():
        described |= {path: _taking(protocol, *said) for path, said in paths.items()}
    described |= {
        path: {method.lower(): _tracked(tracker.name, path, method) for method in methods}
        for tracker in TRACKERS
        for path, methods in tracker.paths.items()
        if path not in described
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "LeadHeat gateway", "version": "1"},
        "paths": described | _posthog_paths() | _open_paths(),
        "components": {"schemas": _SCHEMAS, "securitySchemes": _SECURITY},
    }


def _segment_paths() -> dict[str, Any]:
    """Segment's, and what is RudderStack's beside them."""
    basic: _Security = [{"segmentKey": []}, {}]
    batch = _post("Send a batch as Segment's libraries do", _json("SegmentBatch"), "SegmentAnswer", basic)
    call = _post(
        "Send one call as Segment's browser library does", _json("SegmentMessage"), "SegmentAnswer", basic
    )
    counts = {
        "summary": "Taken and dropped",
        "security": _OPEN,
        "responses": {"200": _answer("SegmentAnswer"), **_refusals("400", "408", "413")},
    }
    source = {
        "summary": "Configuration for RudderStack's browser library",
        "security": basic,
        "responses": {
            "200": {"description": "Configuration", "content": {_JSON: {"schema": {"type": "object"}}}},
            **_refusals("401", "403", "429"),
        },
    }
    return {
        **dict.fromkeys(segment.BATCH_PATHS, batch),
        **dict.fromkeys(segment.CALL_PATHS, call),
        segment.METRICS_PATH: {"post": counts},
        segment.SETTINGS_PATH: {"get": _settings()},
        **{path: {"get": source} for path in rudder.CONFIG_PATHS},
    }


def _posthog_paths() -> dict[str, Any]:
    """What PostHog's libraries ask for beside sending events."""
    return {
        **dict.fromkeys(posthog.NO_FLAGS_PATHS, _taken("No flags, for PostHog's libraries")),
        **dict.fromkeys(posthog.DROPPED_PATHS, _taken("Taken and dropped, for PostHog's libraries")),
        **{path: {"get": _tracked("posthog", path, "GET")} for path in posthog.CONFIG_PATHS},
    }


def _open_paths() -> dict[str, Any]:
    """What anybody may ask."""
    told = {
        snowplow.HEALTH_PATH: "Alive, as Snowplow's collector says it",
        "/healthz": "Alive",
        "/readyz": "Ready to take events",
        "/metrics": "Prometheus",
        "/openapi.json": "This",
    }
    answers = {path: {"200": {"description": summary}} for path, summary in told.items()}
    answers["/readyz"]["503"] = {"description": "The broker is away"}
    return {
        path: {"get": {"summary": summary, "security": _OPEN, "responses": answers[path]}}
        for path, summary in told.items()
    }


def _browser_paths() -> dict[str, Any]:
    return {
        browser.PATH: _post(
            "Send events as LeadHeat's browser script does",
            _json("BrowserEvents"),
            "BrowserAnswer",
            [{"browserKey": []}],
        ),
        browser_script.PATH: {
            "get": {
                "summary": "LeadHeat's browser script",
                "security": _OPEN,
                "responses": {
                    "200": {"description": "The script", "content": {"text/javascript": {}}},
                    "304": {"description": "Not changed"},
                },
            }
        },
    }


def _link_paths() -> dict[str, Any]:
    token = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
    shared = {"parameters": [token], "security": _OPEN}  # the token is signed
    return {
        links.OPEN_PATH: {
            "get": {
                "summary": "An e-mail was opened",
                **shared,
                "responses": {"200": {"description": "A pixel", "content": {"image/gif": {}}}},
            }
        },
        links.CLICK_PATH: {
            "get": {
                "summary": "A link in an e-mail was clicked",
                **shared,
                "responses": {
                    "302": {"description": "To the link's target"},
                    "404": {"description": "No link of ours"},
                },
            }
        },
        mail_pages.LEAVE_PATH: _page(
            "A page that asks whether to unsubscribe", "Unsubscribes (RFC 8058)", shared
        ),
        mail_pages.ANSWER_PATH: _page("A survey's page", "Answers the survey", shared),
    }


def _page(asks: str, takes: str, shared: dict[str, Any]) -> dict[str, Any]:
    page = {"description": "A page", "content": {"text/html": {}}}
    gone = {"description": "No link of ours"}
    away = {"description": "The broker is away: press the button again"}
    large = {"description": "Too large"}
    return {
        "get": {"summary": asks, **shared, "responses": {"200": page, "404": gone}},
        "post": {
            "summary": takes,
            **shared,
            "responses": {"200": page, "404": gone, "413": large, "503": away},
        },
    }


def _post(summary: str, content: dict[str, Any], answer: str, security: _Security) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "security": security,
            "requestBody": {"required": True, "content": content},
            "responses": {"200": _answer(answer), **_refusals(*_REFUSALS)},
        }
    }


def _taking(protocol: str, methods: tuple[str, ...], answers: dict[str, str]) -> dict[str, Any]:
    operation = {
        "summary": f"Send events as {protocol}'s clients do",
        "security": _OPEN,  # the key is in the query or in the body
        "responses": {
            **{code: {"description": said} for code, said in answers.items()},
            **_refusals(*_REFUSALS),
        },
    }
    return dict.fromkeys(methods, operation)


def _taken(summary: str) -> dict[str, Any]:
    answers = {"200": {"description": summary}, **_refusals("400", "408", "413")}
    return {"post": {"summary": summary, "security": _OPEN, "responses": answers}}


def _tracked(name: str, path: str, method: str) -> dict[str, Any]:
    """A path of a protocol that its own specification describes; what is sent there is not said twice."""
    sends: dict[str, Any] = {"requestBody": {"content": {"*/*": {"schema": {}}}}} if method == "POST" else {}
    return {
        "summary": f"Send events as {name.capitalize()}'s trackers do",
        "parameters": [
            {"name": one, "in": "path", "required": True, "schema": {"type": "string"}}
            for one in _PARAMETER.findall(path)
        ],
        "security": _OPEN,  # the key is where the protocol has it
        **sends,
        "responses": {"200": {"description": "The broker has the events"}, **_refusals(*_REFUSALS)},
    }


def _refusals(*codes: str) -> dict[str, Any]:
    return {code: {"description": _REFUSALS[code], "content": _json("Refused")} for code in codes}


def _webhook() -> dict[str, Any]:
    names = {"type": "string", "enum": sorted(providers())}
    return {
        "summary": "Tell what became of a message, as a mail provider does",
        "description": "The body is the provider's own. Its signature is checked with the secret set for it; "
        "without one, a key shows who sends.",
        "parameters": [{"name": "provider", "in": "path", "required": True, "schema": names}],
        "security": [{"webhookPassword": []}, {"webhookQueryKey": []}, {"writeKey": []}, {}],
        "requestBody": {"required": True, "content": {"*/*": {"schema": {}}}},
        "responses": {
            "200": _answer("WebhookAnswer"),
            "404": {"description": "No such provider", "content": _json("Refused")},
            "406": {"description": "A token of Mailgun's that came before", "content": _json("Refused")},
            **_refusals(*_REFUSALS),
        },
    }


def _settings() -> dict[str, Any]:
    return {
        "summary": "Settings for Segment's libraries, where their CDN is set to this gateway",
        "parameters": [{"name": "write_key", "in": "path", "required": True, "schema": {"type": "string"}}],
        "security": _OPEN,  # the key is in the path
        "responses": {
            "200": {"description": "Settings", "content": {_JSON: {"schema": {"type": "object"}}}},
            **_refusals("401", "403", "429"),
        },
    }


def _answer(schema: str) -> dict[str, Any]:
    return {"description": "The broker has the events", "content": _json(schema)}


def _json(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
