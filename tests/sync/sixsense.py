"""A strict stand-in for 6sense's scoring, built from what is public of api.6sense.com/docs.

Pages, as comments name them:
- score: api.6sense.com/docs, "Lead Scoring" (v2/people/score: a form with email, country; scores by product)
- auth: the same, "Authentication" (Authorization: Token, not Bearer)
- limits: the same, "Rate limits" (429 throttled, 402 credits used up; no Retry-After, no headers of limits)
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scorer.times import Micros
from tests.sync.standin import StandIn, Window

TOKEN = "0123456789abcdef0123456789abcdef01234567"


class SixSense(StandIn):
    """An account with two products."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        super().__init__(clock)
        self.people: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.window = Window(100, 60.0, clock)
        self.credits = 1_000
        self.hurry = 0
        self.withheld = False
        """Scores aren't switched on for the token."""

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v2/people/score", self._score, methods=["POST"])])

    async def _score(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        return self.note(request, self._answer(request, form))

    def _answer(self, request: Request, form: dict[str, str]) -> Response:
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return JSONResponse({"status": "error", "message": "Invalid token"}, 401)
        if self.credits <= 0:
            return JSONResponse({"status": "error", "message": "Credits exhausted"}, 402)
        if self.window.refuse() is not None or (self.hurry and len(self.calls) % self.hurry == 0):
            return JSONResponse({"status": "error", "message": "Throttled"}, 429)
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            return JSONResponse({"status": "error", "message": "a form, please"}, 400)
        if not form.get("email") or not form.get("country"):
            return JSONResponse({"status": "error", "message": "email and country are required"}, 400)
        self.asked.append(form)
        if self.withheld:
            return JSONResponse({"company": {}})
        scores = self.people.get(form["email"])
        return JSONResponse({"scores": [] if scores is None else [{"product": "Other"}, scores]})


def person(stage: str, score: int) -> dict[str, Any]:
    """What is said of somebody, for the product that counts."""
    return {
        "product": "Analytics",
        "company_buying_stage": stage,
        "company_intent_score": score,
        "company_profile_fit": "Strong",
        "is_6qa": True,
    }
