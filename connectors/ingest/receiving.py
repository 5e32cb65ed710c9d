"""Takes what trackers send: the way of a request from its key to the broker, the same for every protocol."""

from collections.abc import Sequence
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake
from connectors.ingest.producer import Outgoing
from connectors.ingest.protocol import Context, OwnRefusals, Tracker, head_of
from connectors.ingest.records import event_record, failed_record, require_size
from connectors.routing import AnyPathRoute
from scorer.errors import EventError


def routes(intake: Intake, tracker: Tracker) -> list[Route]:
    """The routes of a protocol."""
    receive = partial(_receive, intake, tracker)
    taking = [
        (AnyPathRoute if path.startswith("/{") else Route)(path, receive, methods=list(methods))
        for path, methods in tracker.paths.items()
    ]
    return [*taking, *tracker.others(intake)]


async def _receive(intake: Intake, tracker: Tracker, request: Request) -> Response:
    try:
        return await _taken(intake, tracker, request)
    except RefusedError as refusal:
        if isinstance(tracker, OwnRefusals):
            raise tracker.refused(refusal) from refusal
        raise


async def _taken(intake: Intake, tracker: Tracker, request: Request) -> Response:
    head = head_of(request, intake.config.clock())
    key = tracker.key_of(head)
    if key is not None:
        intake.admit(tracker.name, key)
    parcel = tracker.parcel(head, await intake.body(request))
    if key is None:
        intake.admit_all(tracker.name, parcel.keys)
    context = Context(head, parcel, intake.mapping(tracker.name))
    found = await intake.sift(parcel.items, partial(_records, intake, tracker, context))
    found.require_some()
    dead = [failed_record(one.raw, f"gateway:{head.path}", one.error) for one in found.rejected]
    if found.records or dead:
        await intake.publish(tracker.name, found, dead)
    return tracker.answer(head, found.rejected)


def _records(intake: Intake, tracker: Tracker, context: Context, item: bytes) -> Sequence[Outgoing]:
    limit = intake.config.max_event_bytes
    require_size(item, limit)
    try:
        events = [msgspec.json.encode(event) for event in tracker.events(item, context)]
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except (msgspec.MsgspecError, OverflowError) as error:
        raise EventError(f"no valid JSON: {error}") from None
    # ours says some things twice, such as the page's address
    return [event_record(event, 2 * limit) for event in events]
