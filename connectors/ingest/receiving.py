"""Takes what trackers send: the way of a request from its key to the broker, the same for every protocol."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.ingest.errors import RefusedError
from connectors.ingest.intake import Intake
from connectors.ingest.producer import Outgoing
from connectors.ingest.protocol import Context, OwnRefusals, Tracker, head_of
from connectors.ingest.records import event_record, failed_record, require_size
from connectors.ingest.shape import Shape
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
        admission = intake.admit(tracker.name, key, request)
    parcel = tracker.parcel(head, await intake.body(request))
    if key is None:
        admission = intake.admit_all(tracker.name, parcel.keys, request)
    mapping = intake.mapping(tracker.name, admission)
    context = Context(head, parcel, mapping, intake.sources.is_secret, intake.links)
    events = partial(tracker.events, context=context)
    limit = intake.config.max_event_bytes
    # ours says some things twice, such as the page's address
    found = await intake.sift(
        parcel.items, partial(records_of, events, limit, 2 * limit, intake.config.shape), admission
    )
    if parcel.refusable:
        found.require_some()
    told = admission.source.unaddressed
    dead = [failed_record(told(one.raw), f"gateway:{head.path}", one.error) for one in found.rejected]
    if found.records or dead:
        await intake.publish(tracker.name, found, admission, dead)
    return tracker.answer(context, found.rejected)


def records_of(
    events: Callable[[bytes], Iterable[dict[str, Any]]],
    item_limit: int,
    event_limit: int,
    shape: Shape,
    item: bytes,
) -> Sequence[Outgoing]:
    """The records of the events that an item tells of; EventError where it can't be read or is too large."""
    require_size(item, item_limit)
    try:
        encoded = [msgspec.json.encode(event) for event in events(item)]
    except RecursionError:
        raise EventError("nested too deeply to be an event") from None
    except (msgspec.MsgspecError, OverflowError) as error:
        raise EventError(f"no valid JSON: {error}") from None
    return [event_record(event, event_limit, shape) for event in encoded]
