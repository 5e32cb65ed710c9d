"""The page that a link in an alert opens: says what the alert was, asks for an answer, publishes it.

Opening the link says nothing: mail scanners open all of them. The answer counts when its button is pressed.
"""

import hashlib
import logging
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from connectors.answer_links import CHOICES, PATH, SAY, AnswerLink, AnswerLinks
from connectors.serve.answers import Answers
from connectors.serve.desk import Desk
from connectors.serve.errors import ConfigError, Refusal
from connectors.serve.pages import BOARD
from connectors.signed import KeyTooShortError
from scorer.times import Micros

_log: Final = logging.getLogger(__name__)
_MOST_NOTE: Final = 2_000
_MOST_BYTES: Final = 20_000
_HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_TEXTS: Final[dict[str, dict[str, str]]] = msgspec.json.decode((BOARD / "texts.json").read_bytes())
_template: Final = Environment(
    loader=FileSystemLoader(BOARD.parent / "templates"), autoescape=True, undefined=StrictUndefined
).get_template("answer.html")


class AnswerPage:
    """Asks, and takes the answer; who has the link may answer, as long as it is good."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._desk = desk
        self._answers = answers
        try:
            self._links = AnswerLinks(desk.config.link_keys)
        except KeyTooShortError as error:
            raise ConfigError(f"LEADHEAT_LINK_KEY: {error}") from None

    def routes(self) -> list[Route]:
        """The page."""
        path = f"{PATH}/{{token}}"
        return [Route(path, self.ask, methods=["GET"]), Route(path, self.take, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        """Says what the alert was."""
        link = self._link(request)
        if link is None:
            return _page(request, "gone", 404)
        said = request.query_params.get(SAY)
        return _page(
            request,
            "ask",
            who=await self._who(link),
            said=said if said in CHOICES else None,
            choices=CHOICES,
            most_note=_MOST_NOTE,
        )

    async def take(self, request: Request) -> Response:
        """Publishes the answer; the same answer of the same person twice is one."""
        link = self._link(request)
        if link is None:
            return _page(request, "gone", 404)
        if int(request.headers.get("content-length") or 0) > _MOST_BYTES:
            return _page(request, "away", 413)
        async with request.form(max_files=0, max_fields=10, max_part_size=_MOST_BYTES) as form:
            said, note = str(form.get("answer", "")), str(form.get("note", ""))[:_MOST_NOTE].strip()
        if said not in CHOICES:
            return await self.ask(request)
        told = {"by": link.by} | ({"note": note} if note else {})
        once = hashlib.sha256(msgspec.json.encode([link.alert, link.by, said, note])).hexdigest()[:32]
        try:
            await self._desk.steady(lambda _: self._publish(link, said, told, once))(request)
        except Refusal as refusal:
            _log.info("an answer by a link has to be given again: %s", refusal.message)
            return _page(request, "away", refusal.status)
        return _page(request, "done", said=said)

    def _link(self, request: Request) -> AnswerLink | None:
        return self._links.read(request.path_params["token"], Micros(self._desk.now()))

    async def _publish(self, link: AnswerLink, said: str, told: dict[str, str], once: str) -> Response:
        await self._answers.publish(link.alert, link.lead, said, told, f"answer-{once}")
        return Response()

    async def _who(self, link: AnswerLink) -> str | None:
        """Whom the alert is about, as far as the cache knows it now."""
        text = await self._desk.cache.redis.hget(self._desk.cache.key("alerts"), link.alert)
        traits = msgspec.json.decode(text).get("traits", {}) if text else {}
        name = " ".join(str(traits[part]) for part in ("first_name", "last_name") if traits.get(part))
        return (
            ", ".join(str(one) for one in (name, traits.get("title"), traits.get("company")) if one) or None
        )


def _page(request: Request, state: str, status: int = 200, **shown: Any) -> Response:
    language = "fr" if request.headers.get("accept-language", "").lower().startswith("fr") else "en"
    body = _template.render(state=state, language=language, t=lambda name: _TEXTS[name][language], **shown)
    return HTMLResponse(body, status, _HEADERS)
