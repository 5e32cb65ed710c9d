"""CloudEvents 1.0 over HTTP: binary, structured and batched, in their JSON format."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from starlette.datastructures import Headers

from connectors.ingest.errors import RefusedError
from connectors.ingest.lenient import items, mended
from connectors.ingest.names import event_type, field_name
from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record, require_size
from connectors.ingest.shape import DEFAULT, Shape
from scorer.errors import EventError

PATH: Final = "/v1/cloudevents"

_MEDIA: Final = "application/cloudevents"
_BATCH: Final = "application/cloudevents-batch"
_FORMATS: Final = ("", "+json")
_PREFIX: Final = "ce-"
_VERSION: Final = re.compile(r"(\.v?[0-9]+)+\Z", re.IGNORECASE)
_TYPE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_OURS: Final = frozenset({"identify", "alias"})
_FIELDS: Final = ("lead_id", "anonymous_id", "properties", "traits", "context")
_ATTRIBUTES: Final = frozenset(
    {"specversion", "id", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"}
) | {"leadid", "anonymousid"}

_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_one(headers: Headers) -> bool:
    """Whether a request says that it holds CloudEvents."""
    return "ce-specversion" in headers or headers.get("content-type", "").lower().startswith(_MEDIA)


def split(headers: Headers, body: bytes) -> Sequence[bytes]:
    """The envelope of each event, as JSON; raises RefusedError 400 where there is no telling."""
    media = headers.get("content-type", "").lower().partition(";")[0].strip()
    if media.startswith(_MEDIA):
        if media.removeprefix(_BATCH).removeprefix(_MEDIA) not in _FORMATS:
            raise RefusedError(400, f"{media[:80]}: expected the JSON format of CloudEvents")
    elif "ce-specversion" in headers:
        return [_enveloped(headers, media, body)]
    text = body.strip()
    if not text.startswith(b"["):
        return [text]
    try:
        try:
            return [bytes(one).strip() for one in _list.decode(text)]
        except msgspec.DecodeError:
            return items(text)
    except (EventError, RecursionError):
        raise RefusedError(400, "no valid JSON: expected a list of CloudEvents") from None


def record(envelope: bytes, limit: int, shape: Shape = DEFAULT) -> Outgoing:
    """The record of the event in an envelope; raises EventError where it is none."""
    require_size(envelope, limit)
    try:
        told = _decoded(envelope)
        if not isinstance(told, dict):
            raise EventError("expected a CloudEvent, an object")
        event = msgspec.json.encode(translate(told))
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except (msgspec.MsgspecError, OverflowError) as error:
        raise EventError(f"no valid JSON: {error}") from None
    return event_record(event, 2 * limit, shape)


def translate(told: Mapping[str, Any]) -> dict[str, Any]:
    """Our event in an envelope, not checked yet; raises EventError where the envelope is none.

    >>> translate({"specversion": "1.0", "id": "7", "source": "/crm", "type": "com.acme.DemoRequested.v1",
    ...            "subject": "u-1", "data": {"plan": "pro"}})["type"]
    'demo_requested'
    """
    source, own_id, named = (_required(told, name) for name in ("source", "id", "type"))
    if not _required(told, "specversion").startswith("1."):
        raise EventError("specversion: expected 1.0")
    data = _data(told)
    whole = _is_event(data)
    of_type = data["type"] if whole else _type(named)
    event: dict[str, Any] = {name: data[name] for name in _FIELDS if data.get(name) is not None}
    event.setdefault("lead_id", told.get("subject") or told.get("leadid"))
    event.setdefault("anonymous_id", told.get("anonymousid"))
    loose = {} if whole else {name: value for name, value in data.items() if name not in _FIELDS}
    for field, more in (
        ("traits" if of_type == "identify" else "properties", loose),
        ("properties", {} if of_type == named or whole else {"event": named}),
        ("context", {name: value for name, value in told.items() if name not in _ATTRIBUTES}),
    ):
        if more:
            event[field] = {**more, **_object(event, field)}
    event |= {"id": f"{source} {own_id}", "type": of_type}
    event["time"] = told.get("time") or (data.get("time") if whole else None)
    return {name: value for name, value in event.items() if value is not None}


def _type(named: str) -> str:
    if _TYPE.match(named):
        return named
    last = field_name(_VERSION.sub("", named).rpartition(".")[2])
    return last if last in _OURS else event_type(last, {}, {})


def _is_event(data: Mapping[str, Any]) -> bool:
    """Whether the data is one of our events as a whole."""
    of_type = data.get("type")
    return (
        isinstance(of_type, str)
        and _TYPE.match(of_type) is not None
        and bool(data.get("lead_id") or data.get("anonymous_id"))
    )


def _data(told: Mapping[str, Any]) -> dict[str, Any]:
    data = told.get("data")
    packed = told.get("data_base64")
    if data is None and isinstance(packed, str):
        try:
            data = _decoded(base64.b64decode(packed, validate=True))
        except (binascii.Error, ValueError, EventError):  # what is no JSON says nothing to us
            data = None
    if data is None or isinstance(data, dict):
        return data or {}
    return {"data": data}


def _enveloped(headers: Headers, media: str, body: bytes) -> bytes:
    """The structured form of a binary event."""
    told: dict[str, Any] = {
        name.removeprefix(_PREFIX): unquote(value.strip().strip('"'))
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    if body and (not media or media.endswith(("/json", "+json")) or body.lstrip()[:1] in (b"{", b"[")):
        told["data"] = _checked(body)
    elif body and media.startswith("text/"):
        told["data"] = body.decode(errors="replace")
    return msgspec.json.encode(told)


def _checked(body: bytes) -> msgspec.Raw:
    """The same JSON, known to be one value."""
    try:
        try:
            return msgspec.json.decode(body, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.Raw(mended(body))
    except (EventError, RecursionError):
        raise RefusedError(400, "no valid JSON: expected the data of a CloudEvent") from None


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(mended(text))


def _required(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise EventError(f"{name}: missing: every CloudEvent has one, as text")
    return value


def _object(event: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = event.get(field)
    if value is not None and not isinstance(value, dict):
        raise EventError(f"{field}: expected an object")
    return value or {}
