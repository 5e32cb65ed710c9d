"""Segment's protocol, of its servers' and browsers' libraries (and RudderStack's server ones)."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.ingest.batches import items_of, message_of, opened, text_of, value_of
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.protocol import Context, Head, Parcel
from connectors.ingest.segment_events import CALLS, Arrival, translate

BATCH_PATHS: Final = ("/v1/batch", "/v1/import", "/v1/b")
CALL_PATHS: Final = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{call[0]}": call for call in CALLS},
} | {"/v1/a": "alias"}
METRICS_PATH: Final = "/v1/m"
SETTINGS_PATH: Final = "/v1/projects/{write_key}/settings"


class Segment:
    """The protocol of Segment's libraries."""

    name: Final = "segment"
    paths: Final = dict.fromkeys((*BATCH_PATHS, *CALL_PATHS), ("POST",))

    def key_of(self, head: Head) -> str | None:
        """The user of Basic, the token of Bearer, or in the query."""
        header = head.headers.get("authorization")
        return head.query.get("writeKey") if header is None else _key_of(header)

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """A batch, or the single call that the path names."""
        told, body = opened(body, "batch")
        key = text_of(told.get("writeKey"))
        arrival = Arrival(
            received=head.received,
            sent_at=value_of(told.get("sentAt")) if "batch" in told else None,
            call=CALL_PATHS.get(head.path),
            browser="origin" in head.headers,
            ip=head.ip,
            user_agent=head.user_agent,
        )
        return Parcel(items_of(told, "batch") if "batch" in told else [body], [key] if key else [], arrival)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """The event of a call."""
        return [translate(message_of(item), context.parcel.shared, context.mapping)]

    def answer(self, head: Head, rejected: Sequence[Rejected]) -> Response:
        """Success, and what was not taken."""
        del head
        answer: dict[str, Any] = {"success": True}
        if rejected:
            answer["rejected"] = [{"index": one.index, "error": str(one.error)} for one in rejected]
        return JSONResponse(answer)

    def others(self, intake: Intake) -> list[Route]:
        """What the library fetches before it sends, and what it counts of itself."""

        async def drop(request: Request) -> Response:
            await intake.body(request)  # what the library counts of itself is not ours to keep
            return JSONResponse({"success": True})

        async def settings(request: Request) -> Response:
            intake.admit(self.name, request.path_params["write_key"])
            return JSONResponse(_settings(request))

        return [
            Route(METRICS_PATH, drop, methods=["POST"]),
            Route(SETTINGS_PATH, settings, methods=["GET"]),
        ]


def _key_of(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip() if scheme.lower() == "bearer" else ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


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
