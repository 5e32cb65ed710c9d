"""Segment's protocol, of its servers' and browsers' libraries and of RudderStack's."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest.batches import items_of, message_of, opened, text_of, value_of
from connectors.ingest.intake import Intake, Rejected
from connectors.ingest.json_answer import JsonAnswer
from connectors.ingest.pixel import pixel
from connectors.ingest.protocol import Context, Head, Parcel, head_of
from connectors.ingest.rudder import BEACON_PATH, IMAGE_PATHS, call_of, config_routes
from connectors.ingest.segment_events import CALLS, Arrival, consent_told, translate

BATCH_PATHS: Final = ("/v1/batch", "/v1/import", "/v1/b", BEACON_PATH)
CALL_PATHS: Final = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{call[0]}": call for call in CALLS},
} | {"/v1/a": "alias"}
METRICS_PATH: Final = "/v1/m"
SETTINGS_PATH: Final = "/v1/projects/{write_key}/settings"


class Segment:
    """The protocol of Segment's libraries."""

    name: Final = "segment"
    paths: Final = {
        **dict.fromkeys((*BATCH_PATHS, *CALL_PATHS), ("POST",)),
        **dict.fromkeys(IMAGE_PATHS, ("GET",)),
    }

    def key_of(self, head: Head) -> str | None:
        """The user of Basic, the token of Bearer, or in the query."""
        header = head.headers.get("authorization")
        return head.query.get("writeKey") if header is None else _key_of(header)

    def parcel(self, head: Head, body: bytes) -> Parcel:
        """A batch, or the single call that the path names; a HEAD makes none."""
        image = IMAGE_PATHS.get(head.path)
        if image is not None:
            body = msgspec.json.encode(call_of(head.query))
        told, body = opened(body, "batch")
        key = text_of(told.get("writeKey"))
        arrival = Arrival(
            received=head.received,
            sent_at=value_of(told.get("sentAt")) if "batch" in told else head.headers.get("sentat"),
            call=image or CALL_PATHS.get(head.path),
            browser="origin" in head.headers,
            ip=head.ip,
            user_agent=head.user_agent,
        )
        events = items_of(told, "batch") if "batch" in told else [body]
        return Parcel([] if head.method == "HEAD" else events, [key] if key else [], arrival)

    def events(self, item: bytes, context: Context) -> list[dict[str, Any]]:
        """The event of a call, and the choice that it tells of, if it does."""
        event = translate(message_of(item), context.parcel.shared, context.mapping)
        choice = consent_told(event)
        return [event] if choice is None else [event, choice]

    def answer(self, context: Context, rejected: Sequence[Rejected]) -> Response:
        """Success, and what was not taken."""
        if context.head.path in IMAGE_PATHS:
            return pixel()
        answer: dict[str, Any] = {"success": True}
        if rejected:
            answer["rejected"] = [{"index": one.index, "error": str(one.error)} for one in rejected]
        return JsonAnswer(answer)

    def others(self, intake: Intake) -> list[Route]:
        """What the library fetches before it sends, and what it counts of itself."""

        async def drop(request: Request) -> Response:
            await intake.body(request)  # what the library counts of itself is not ours to keep
            return JsonAnswer({"success": True})

        async def settings(request: Request) -> Response:
            intake.admit(self.name, request.path_params["write_key"])
            return JsonAnswer(_settings(request))

        def admit(request: Request) -> None:
            intake.admit(self.name, self.key_of(head_of(request, intake.config.clock())))

        return [
            *config_routes(admit),
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
        "apiHost": f"{request.base_url.netloc}/v1",
        "protocol": request.base_url.scheme,
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
