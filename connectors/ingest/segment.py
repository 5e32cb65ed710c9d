"""Segment's protocol, of its servers' and browsers' libraries (and RudderStack's server ones)."""

import base64
import binascii
from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake, bearer
from connectors.ingest.lenient import fields, members, mended
from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record, failed_record, require_size
from connectors.ingest.segment_events import CALLS, Arrival, translate
from scorer.errors import EventError

PROTOCOL: Final = "segment"
BATCH_PATHS: Final = ("/v1/batch", "/v1/import", "/v1/b")
CALL_PATHS: Final = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{call[0]}": call for call in CALLS},
} | {"/v1/a": "alias"}
METRICS_PATH: Final = "/v1/m"
SETTINGS_PATH: Final = "/v1/projects/{write_key}/settings"

_envelope: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw: Final = msgspec.json.Decoder(msgspec.Raw)
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


def routes(intake: Intake) -> list[Route]:
    """The routes of Segment's protocol."""

    async def receive(request: Request) -> Response:
        return await _receive(intake, request)

    async def drop(request: Request) -> Response:
        await intake.body(request)  # what the library counts of itself is not ours to keep
        return JSONResponse({"success": True})

    async def settings(request: Request) -> Response:
        intake.admit(PROTOCOL, request.path_params["write_key"])
        return JSONResponse(_settings(request))

    return [
        *(Route(path, receive, methods=["POST"]) for path in (*BATCH_PATHS, *CALL_PATHS)),
        Route(METRICS_PATH, drop, methods=["POST"]),
        Route(SETTINGS_PATH, settings, methods=["GET"]),
    ]


async def _receive(intake: Intake, request: Request) -> Response:
    key = _key_of(request)
    if key is not None:
        intake.admit(PROTOCOL, key)
    told, body = _fields((await intake.body(request)).strip())
    if key is None:
        intake.admit(PROTOCOL, _text(told.get("writeKey")))
    events = _events(told, body)
    arrival = Arrival(
        received=intake.config.clock(),
        sent_at=_value(told.get("sentAt")) if "batch" in told else None,
        call=CALL_PATHS.get(request.url.path),
        browser="origin" in request.headers,
        ip=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
    )
    found = await intake.sift(events, partial(_record, intake, arrival))
    found.require_some()
    dead = [failed_record(one.raw, f"gateway:{request.url.path}", one.error) for one in found.rejected]
    if events:
        await intake.publish(PROTOCOL, found, dead)
    answer: dict[str, Any] = {"success": True}
    if found.rejected:
        answer["rejected"] = [{"index": one.index, "error": str(one.error)} for one in found.rejected]
    return JSONResponse(answer)


def _record(intake: Intake, arrival: Arrival, raw: bytes) -> Outgoing:
    limit = intake.config.max_event_bytes
    require_size(raw, limit)
    try:
        event = msgspec.json.encode(translate(_message(raw), arrival, intake.mapping(PROTOCOL)))
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except (msgspec.MsgspecError, OverflowError) as error:
        raise EventError(f"no valid JSON: {error}") from None
    return event_record(event, 2 * limit)  # ours says some things twice, such as the page's address


def _message(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.MsgspecError:  # a number out of range, which passes in the body
        return msgspec.json.decode(mended(raw))


def _key_of(request: Request) -> str | None:
    """The write key of the request's head: the user of Basic, the token of Bearer, or in the query."""
    header = request.headers.get("authorization")
    if header is None:
        return request.query_params.get("writeKey")
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return bearer(request) or ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def _fields(body: bytes) -> tuple[dict[str, msgspec.Raw], bytes]:
    """The fields of a body, and the body, mended where that lets it be read."""
    try:
        try:
            return _decoded(body), body
        except RecursionError:
            return _outermost(body), body
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _decoded(text := mended(body)), text
    except (msgspec.DecodeError, EventError):
        raise RefusedError(
            400, "no valid JSON: expected an event, or an object with a batch of them"
        ) from None


def _decoded(body: bytes) -> dict[str, msgspec.Raw]:
    return {"batch": _raw.decode(body)} if body.startswith(b"[") else _envelope.decode(body)


def _outermost(body: bytes) -> dict[str, msgspec.Raw]:
    if body.startswith(b"["):
        return {"batch": msgspec.Raw(body)}
    return {name: msgspec.Raw(value) for name, value in fields(body).items()}


def _events(told: dict[str, msgspec.Raw], body: bytes) -> list[bytes]:
    if "batch" not in told:
        return [body]
    try:
        try:
            return [bytes(one).strip() for one in _list.decode(told["batch"])]
        except RecursionError:
            return members(bytes(told["batch"]))
    except (msgspec.DecodeError, EventError):
        raise RefusedError(400, "batch: expected a list of events") from None


def _value(raw: msgspec.Raw | None) -> object:
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(raw: msgspec.Raw | None) -> str | None:
    value = _value(raw)
    return value if isinstance(value, str) else None


def _settings(request: Request) -> dict[str, Any]:
    """What Segment's libraries fetch before they send: send everything here, load nothing from elsewhere."""
    enabled = {"__default": {"enabled": True, "integrations": {}}}
    destination = {
        "apiKey": request.path_params["write_key"],
        "apiHost": f"{request.url.netloc}/v1",
        "protocol": request.url.scheme,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
    }
    return {
        "integrations": {"Segment.io": destination},
        "plan": {"track": enabled, "identify": enabled, "group": enabled},
        "metrics": {"sampleRate": 0},
        "enabledMiddleware": {},
        "remotePlugins": [],
    }
