"""`POST /v1/alerts/{id}/answer`: what sales says of an alert, published as an `outcome`."""

import uuid
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.serve.alerts import alert_asked_for
from connectors.serve.bodies import json_of
from connectors.serve.desk import Desk, Json
from connectors.serve.errors import Refusal
from connectors.serve.facts import ANSWERS, Kept
from connectors.serve.publisher import Publisher
from connectors.serve.views import resolve
from scorer.event import decode
from scorer.times import format_time
from scorer.topics import OUTCOMES

_MOST_BYTES: Final = 20_000
_MOST_TEXT: Final = {"note": 4_000, "by": 200}


class Answers:
    """What sales says."""

    def __init__(self, desk: Desk, publisher: Publisher) -> None:
        self._desk = desk
        self._publisher = publisher

    def routes(self) -> list[Route]:
        """The answer to an alert."""
        handler = self._desk.steady(self.answer)
        return [Route("/v1/alerts/{id}/answer", handler, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        """Returns once the broker has the answer."""
        given = await _body(request)
        alert = await alert_asked_for(self._desk, request)
        said = {name: given[name] for name in ("note", "by") if given.get(name) is not None}
        event = await self.publish(
            alert["id"], alert["lead_id"], given["answer"], said, f"answer-{uuid.uuid4()}"
        )
        answer = {"answer": given["answer"], "by": given.get("by"), "note": given.get("note")}
        lead = event.get("lead_id") or event["anonymous_id"]
        told = {"id": event["id"], "alert_id": alert["id"], "lead_id": lead, "at": event["time"]}
        return Json({**told, **answer})

    async def publish(
        self, alert: str, told_of: str, answer: str, said: dict[str, str], event_id: str
    ) -> dict[str, Any]:
        """The outcome, once the broker has it, under the id that the alert's lead has by now."""
        lead = await resolve(self._desk, told_of) or told_of
        event = {
            "id": event_id,
            "type": "outcome",
            "lead_id" if await self._known(lead) else "anonymous_id": lead,
            "time": format_time(self._desk.now()),
            "properties": {"outcome": answer, "alert_id": alert, **said},
        }
        await self._publisher.publish(OUTCOMES, lead, msgspec.json.encode(event))
        return event

    async def _known(self, lead: str) -> bool:
        """Whether the lead ever came as `lead_id`: an answer must not make a known lead of a browser's id."""
        cache = self._desk.cache
        for stored in await cache.redis.zrange(cache.key("events", lead), 0, -1):
            event = decode(Kept.load(stored).value)
            if event.lead_id == lead or (event.properties or {}).get("previous_id") == lead:
                return True
        return False


async def _body(request: Request) -> dict[str, Any]:
    given = await json_of(request, _MOST_BYTES)
    if not isinstance(given, dict) or str(given.get("answer")) not in ANSWERS:
        raise Refusal(400, f"answer: expected one of {', '.join(sorted(ANSWERS))}")
    for name, most in _MOST_TEXT.items():
        text = given.get(name)
        if text is not None and not (isinstance(text, str) and len(text) <= most):
            raise Refusal(400, f"{name}: expected a text of at most {most} characters")
    return given
