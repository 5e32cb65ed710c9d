"""Pages that a mail's links open: to unsubscribe, to answer a survey. Opening one says nothing.

Mail scanners open all links, so what counts is a POST: of a page's button, or, to unsubscribe, a mail
program's own (RFC 8058).
"""

from hashlib import sha256
from typing import Any, Final

import msgspec
from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.formparsers import FormParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from connectors.ingest.errors import BrokerAwayError, BusyError, RecordTooLargeError
from connectors.ingest.intake import Intake
from connectors.ingest.link_tokens import Link
from connectors.ingest.metrics import INGESTED
from connectors.ingest.records import event_record
from scorer.times import format_time

LEAVE_PATH: Final = "/m/u/{token}"
ANSWER_PATH: Final = "/m/n/{token}"
PROTOCOL: Final = "links"
PROMOTER: Final = 9
"""The least answer of somebody who is asked for a testimonial too."""
_MOST_COMMENT: Final = 2_000
_MOST_BYTES: Final = 20_000
_RETRY_AFTER_S: Final = 5
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}
_TEXTS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "gone": "Ce lien n’est pas valable, ou ne l’est plus.",
        "away": "Nous n’avons pas pu l’enregistrer. Merci de réessayer dans un instant.",
        "leave": "Ne plus recevoir nos messages ?",
        "leave_do": "Me désabonner",
        "left": "C’est fait : vous ne recevrez plus nos messages.",
        "ask": "Recommanderiez-vous notre société à un confrère ?",
        "least": "0 : pas du tout",
        "most": "10 : tout à fait",
        "comment": "Pourquoi cette note ? (facultatif)",
        "send": "Envoyer ma réponse",
        "thanks": "Merci, votre réponse est enregistrée.",
        "promote": "Accepteriez-vous de témoigner de notre travail, par quelques lignes ou un appel ?",
        "promote_do": "Oui, contactez-moi",
        "promoted": "Merci ! Nous vous contacterons.",
    },
    "en": {
        "gone": "This link is not valid, or not any more.",
        "away": "We could not save this. Please try again in a moment.",
        "leave": "Stop receiving our messages?",
        "leave_do": "Unsubscribe",
        "left": "Done: you will receive no more of our messages.",
        "ask": "Would you recommend us to a colleague?",
        "least": "0: not at all",
        "most": "10: certainly",
        "comment": "Why this answer? (optional)",
        "send": "Send my answer",
        "thanks": "Thank you, your answer is saved.",
        "promote": "Would you speak for our work, in a few lines or a call?",
        "promote_do": "Yes, contact me",
        "promoted": "Thank you! We will contact you.",
    },
}
_PAGE: Final = """<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{{ title }}</title>
<style>body{font:17px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#111;
background:#fff}
button{font:inherit;padding:.6em 1.2em;border:0;border-radius:6px;background:#1a4fa0;color:#fff}
fieldset{border:0;padding:0;margin:1rem 0}label.r{display:inline-block;margin:.15em;text-align:center}
textarea{font:inherit;width:100%;box-sizing:border-box}.m{color:#555;font-size:.85em}</style></head><body><main>
<h1 style="font-size:1.3em">{{ title }}</h1>
{% if state == "leave" %}
<form method="post"><button name="leave" value="1">{{ t.leave_do }}</button></form>
{% elif state == "ask" %}
<form method="post"><fieldset><legend class="m">{{ t.least }} – {{ t.most }}</legend>
{% for one in range(11) %}<label class="r">{{ one }}<br>
<input type="radio" name="rating" value="{{ one }}" required{{ " checked" if one == rating else "" }}></label>
{% endfor %}</fieldset>
<p><label>{{ t.comment }}<br><textarea name="comment" rows="3" maxlength="{{ most }}"></textarea></label></p>
<button>{{ t.send }}</button></form>
{% elif state == "thanks" and promoter %}
<p>{{ t.promote }}</p>
<form method="post"><button name="testimonial" value="1">{{ t.promote_do }}</button></form>
{% endif %}
</main></body></html>"""
_page: Final = Environment(
    loader=DictLoader({"page": _PAGE}), autoescape=True, undefined=StrictUndefined
).get_template("page")


def routes(intake: Intake) -> list[Route]:
    """The two pages."""
    pages = _Pages(intake)
    return [
        Route(LEAVE_PATH, pages.ask_leave, methods=["GET"]),
        Route(LEAVE_PATH, pages.leave, methods=["POST"]),
        Route(ANSWER_PATH, pages.ask, methods=["GET"]),
        Route(ANSWER_PATH, pages.answer, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def ask_leave(self, request: Request) -> Response:
        """Asks whether to unsubscribe."""
        link = self._intake.links.read("leave", request.path_params["token"])
        return _shown(request, "gone", 404) if link is None else _shown(request, "leave")

    async def leave(self, request: Request) -> Response:
        """Unsubscribes: a button was pressed, or a mail program's."""
        link = self._intake.links.read("leave", request.path_params["token"])
        if link is None:
            return _shown(request, "gone", 404)
        told = {"address_hash": link.about}
        return await self._publish(request, link, "unsubscribe", told, "left")

    async def ask(self, request: Request) -> Response:
        """Asks the survey's question, the answer of the link marked."""
        link = self._intake.links.read("answer", request.path_params["token"])
        if link is None:
            return _shown(request, "gone", 404)
        return _shown(request, "ask", rating=_rating(request.query_params.get("r")), most=_MOST_COMMENT)

    async def answer(self, request: Request) -> Response:
        """Takes the answer, or somebody's readiness to speak for us."""
        link = self._intake.links.read("answer", request.path_params["token"])
        if link is None:
            return _shown(request, "gone", 404)
        form = await _form(request)
        if form is None:
            return _shown(request, "away", 413)
        survey = {"survey": link.campaign}
        if form.get("testimonial"):
            return await self._publish(request, link, "testimonial_offered", survey, "promoted")
        rating = _rating(form.get("rating"))
        if rating is None:
            return _shown(request, "ask", rating=None, most=_MOST_COMMENT)
        told = {
            **survey,
            "rating": rating,
            "comment": form.get("comment", "").strip()[:_MOST_COMMENT] or None,
        }
        promoter = rating >= PROMOTER
        return await self._publish(request, link, "survey_answered", told, "thanks", promoter=promoter)

    async def _publish(
        self, request: Request, link: Link, of_type: str, told: dict[str, Any], state: str, **shown: Any
    ) -> Response:
        """Says so only once the broker has it. The same said twice is one event."""
        properties = {"campaign": link.campaign, "message_id": link.message, **told}
        said = msgspec.json.encode([of_type, link.lead, properties])
        event = {
            "id": sha256(said).hexdigest()[:32],
            "type": of_type,
            "lead_id": link.lead,
            "time": format_time(self._intake.config.clock()),
            "properties": {name: value for name, value in properties.items() if value is not None},
            "context": {"channel": "email"},
        }
        record = event_record(msgspec.json.encode(event), self._intake.config.max_event_bytes)
        try:
            await self._intake.producer.publish([record])
        except (BrokerAwayError, BusyError, RecordTooLargeError):
            INGESTED.labels(PROTOCOL, "refused").inc()
            answer = _shown(request, "away", 503)
            answer.headers["Retry-After"] = str(_RETRY_AFTER_S)
            return answer
        INGESTED.labels(PROTOCOL, "accepted").inc()
        return _shown(request, state, **shown)


async def _form(request: Request) -> dict[str, str] | None:
    """A form's fields; None where it is too large. Only the kind that a browser sends by itself is read."""
    if int(request.headers.get("content-length") or 0) > _MOST_BYTES:
        return None

    async def bounded() -> Any:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > _MOST_BYTES:
                raise ClientDisconnect
            yield chunk

    try:
        found = await FormParser(request.headers, bounded()).parse()
    except ClientDisconnect:
        return None
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _rating(value: str | None) -> int | None:
    return (
        int(value) if value is not None and value.isascii() and value.isdigit() and int(value) <= 10 else None
    )


def _shown(request: Request, state: str, status: int = 200, **shown: Any) -> Response:
    language = "fr" if request.headers.get("accept-language", "").lower().startswith("fr") else "en"
    texts = _TEXTS[language]
    body = _page.render(
        state=state, language=language, t=texts, title=texts[state], **{"promoter": False} | shown
    )
    return HTMLResponse(body, status, _HEADERS)
