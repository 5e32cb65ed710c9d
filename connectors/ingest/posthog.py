"""PostHog's protocol, of its browsers', apps' and servers' libraries."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.batches import Envelope, items_of, keys_of, message_of, opened, text_of, value_of
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.posthog_events import Arrival, translate
from connectors.ingest.protocol import Context, Head, Parcel
from connectors.ingest.sniffing import json_of
from scorer.errors import EventError

NEW_PATH: Final = "/i/v1/analytics/events"
_EVENTS: Final = ("/batch", "/e", "/i/v0/e", "/capture", "/track", "/engage")
_NO_FLAGS: Final = ("/flags", "/decide")
_DROPPED: Final = ("/s", "/i/v0/ai/batch")
_KEYS: Final = ("api_key", "token", "$token")


def _with_slash(paths: Sequence[str]) -> list[str]:
    return [path + slash for path in paths for slash in ("", "/")]


NO_FLAGS_PATHS: Final = _with_slash(_NO_FLAGS)
DROPPED_PATHS: Final = _with_slash(_DROPPED)
CONFIG_PATHS: Final = ("/array/{token}/config", "/array/{token}/config.js")

_TAKEN: Final = {"status": 1}
_FLAGS: Final[dict[str, Any]] = {"flags": {}, "featureFlags": {}, "errorsWhileComputingFlags": False}
_CONFIG: Final[dict[str, Any]] = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "autocapture_opt_out": False,
    "autocaptureExceptions": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "heatmaps": False,
    "sessionRecording": False,
    "surveys": False,
    "defaultIdentifiedOnly": True,
    "isAuthenticated": False,
    "toolbarParams": {},
    "siteApps": [],
}
"""What the library asks before it sends: to capture clicks, and nothing that needs more than this gateway."""


class _InProperties(msgspec.Struct):
    token: str | None = None


class _Keyed(msgspec.Struct):
    api_key: str | None = None
    token: str | None = None
    old_token: str | None = msgspec.field(default=None, name="$token")
    properties: _InProperties | None = None


_keyed: Final = msgspec.json.Decoder(_Keyed)


class PostHog:
    """The protocol of PostHog's libraries."""

    name: Final = "posthog"
    paths: Final[Mapping[str, Sequence[str]]] = {
        **dict.fromkeys(_with_slash(_EVENTS), ("GET", "POST")),
        NEW_PATH: ("POST",),
    }

    def key_of(self, head: Head) -> str | None:
        """The token of Bearer, which only the newer format has."""
        scheme, _, token = head.headers.get("authorization", "").partition(" ")
        return token.strip() if head.path == NEW_PATH and scheme.lower() == "bearer" else None

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """A batch, a list or one event, in whatever it is wrapped."""
        told, text = opened(json_of(body or head.query.get("data", "").encode(), "data"), "batch")
        key = next(filter(None, (text_of(told.get(name)) for name in _KEYS)), None)
        items = items_of(told, "batch") if "batch" in told else [text]
        keys = [key] if key else keys_of(items, lambda item: _key_of(_keyed.decode(item)))
        return Parcel(items, keys, (_arrival(head, told), key))

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """The events of an event."""
        arrival, key = context.parcel.shared
        if key is None and self.key_of(context.head) is None and _own_key(item) not in context.parcel.keys:
            raise EventError("token: missing: expected the project's key, in the event or beside the batch")
        return translate(message_of(item), arrival, context.mapping)

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """Taken; the newer format names the events that are not."""
        if context.head.path != NEW_PATH:
            return JSONResponse(_TAKEN)
        dropped = {
            uuid: {"result": "drop", "details": str(one.error)}
            for one in rejected
            if isinstance(uuid := _uuid_of(one.raw), str)
        }
        return JSONResponse({"results": dropped})

    def others(self, intake: Intake) -> list[Route]:
        """What the libraries ask for, and what they send that tells of no lead."""

        async def flags(request: Request) -> Response:
            await intake.body(request)
            return JSONResponse(_FLAGS)

        async def drop(request: Request) -> Response:
            await intake.body(request)
            return JSONResponse(_TAKEN)

        async def config(request: Request) -> Response:
            token = request.path_params["token"]
            intake.admit(self.name, token)
            if not request.scope["path"].endswith(".js"):
                return JSONResponse({**_CONFIG, "token": token})
            return Response(_config_script(token), media_type="text/javascript")

        return [
            *(Route(path, flags, methods=["POST"]) for path in NO_FLAGS_PATHS),
            *(Route(path, drop, methods=["POST"]) for path in DROPPED_PATHS),
            *(Route(path, config, methods=["GET"]) for path in CONFIG_PATHS),
        ]


def _key_of(item: _Keyed) -> str | None:
    inside = item.properties.token if item.properties else None
    return item.api_key or item.token or item.old_token or inside


def _own_key(item: bytes) -> str | None:
    try:
        return _key_of(_keyed.decode(item))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise EventError("expected an event with the project's key") from None


def _arrival(head: Head, told: Envelope) -> Arrival:
    browser = head.from_browser
    sent = head.headers.get("posthog-request-timestamp") or value_of(told.get("sent_at"))
    return Arrival(
        received=head.received,
        sent_at=sent or _milliseconds(head.query.get("_", "")),
        ip=head.ip if browser else None,
        user_agent=head.user_agent if browser else None,
        browser=browser,
        as_told=value_of(told.get("historical_migration")) is True,
    )


def _milliseconds(text: str) -> int | None:
    """When an old browser library sent it, as it says in the query."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _uuid_of(raw: bytes) -> object:
    try:
        message = message_of(raw)
    except (EventError, msgspec.MsgspecError, RecursionError):
        return None
    return message.get("uuid") if isinstance(message, dict) else None


def _config_script(token: str) -> str:
    """The settings as the script that the library loads, by its token."""
    every = "window._POSTHOG_REMOTE_CONFIG"
    config = json.dumps({"config": {**_CONFIG, "token": token}, "siteApps": []})
    return f"({every} = {every} || {{}})[{json.dumps(token)}] = {config}"
