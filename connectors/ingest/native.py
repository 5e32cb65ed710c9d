"""The gateway's own protocol: `POST /v1/events` with one event, a list of them, or one a line (NDJSON).

The same events in the envelopes of CloudEvents are taken there as well, and at a path of their own.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest import cloudevents
from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake, bearer
from connectors.ingest.json_answer import JsonAnswer
from connectors.ingest.lenient import items, members
from connectors.ingest.records import event_record
from connectors.ingest.refusals import refused
from scorer.errors import EventError

PATH: Final = "/v1/events"
PROTOCOL: Final = "events"


def routes(intake: Intake) -> list[Route]:
    """The routes of the gateway's own protocol."""

    async def receive(request: Request) -> Response:
        admission = intake.admit(PROTOCOL, bearer(request), request)
        body = await intake.body(request)
        enveloped = request.scope["path"] == cloudevents.PATH or cloudevents.is_one(request.headers)
        events = cloudevents.split(request.headers, body) if enveloped else split(body)
        record = cloudevents.record if enveloped else event_record
        limits = intake.config.max_event_bytes, intake.config.shape
        found = await intake.sift(events, lambda raw: [record(raw, *limits)], admission)
        if found.records:
            await intake.publish(PROTOCOL, found, admission)
        rejected = [{"index": one.index, "error": str(one.error)} for one in found.rejected]
        answer = {"accepted": found.accepted, "rejected": rejected}
        if found.accepted:
            return JsonAnswer(answer)
        if not rejected:
            return JsonAnswer({"error": "no event in the request", **answer}, 400)
        return refused(found.refusal(), answer)

    return [Route(path, receive, methods=["POST"]) for path in (PATH, cloudevents.PATH)]


def split(body: bytes) -> Sequence[bytes]:
    """The JSON of each event in a body; raises RefusedError 400 where there is no telling.

    >>> split(b'[{"a": 1}, {"b": 2}]'), split(b'{"a": 1}\\n{"b": 2}\\n'), split(b'{"a":\\n1}')
    ([b'{"a": 1}', b'{"b": 2}'], [b'{"a": 1}', b'{"b": 2}'], [b'{"a":\\n1}'])
    """
    text = body.strip()
    if not text:
        raise RefusedError(400, "the body is empty: expected an event, a list of events, or one a line")
    try:
        if text.startswith(b"["):
            return _items(text)
        if _parses(text):
            return [text]
    except RecursionError:
        raise RefusedError(400, "nested too deeply to be events") from None
    except EventError as error:
        raise RefusedError(400, str(error)) from None
    lines = [stripped for line in text.split(b"\n") if (stripped := line.strip())]
    if len(lines) > 1 and any(map(_parses, lines)):
        return lines
    raise RefusedError(400, "no valid JSON: expected an event, a list of events, or one a line")


def _items(text: bytes) -> list[bytes]:
    try:
        return [bytes(one).strip() for one in _list.decode(text)]
    except msgspec.DecodeError:  # one value that is not well-formed spoils its own event only
        return items(text)
    except RecursionError:
        return members(text)


_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _parses(text: bytes) -> bool:
    try:
        _fields.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
