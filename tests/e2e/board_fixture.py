"""A server of the board's own files over a sample world, whose stream and failures a test controls."""

import contextlib
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from connectors.serve.errors import Refusal
from connectors.serve.lead_index import name_of
from connectors.serve.pages import routes as page_routes
from connectors.serve.security import SecurityHeaders
from connectors.serve.sessions import Sessions
from deploy.ports import free_ports
from scorer.account_why_not import account_why_not
from scorer.plan import Plan
from scorer.times import DAY, Micros, format_time, parse_time
from scorer.why_not import why_not
from tests.e2e.board_world import World

KEY = "read-key-of-the-tests"
Json = dict[str, Any]


class Desk:
    """What the server tells: a world, the failures wanted, the clients listening, the requests made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients: list[queue.Queue[Json | None]] = []
        self.status: Json = {"catching_up": None, "rebuilding": False}
        self.refuse: Callable[[Request], int | None] = lambda _: None
        self.requests: Counter[str] = Counter()
        self.answers: list[Json] = []
        self.hello: Json = {}
        self.arrivals: list[Json] = []
        self.acts: Json = {}

    def clock(self) -> Json:
        """The server's clock stands still at the world's now, so that what is shown can be checked."""
        now = format_time(self.world.now)
        return {"now": now, "wall_now": now, "rate": 1.0, "meets": None} | self.hello

    def tell(self, kind: str, data: Json) -> None:
        """Sends an event to everybody who listens."""
        for client in self.clients:
            client.put({"kind": kind, "data": data})

    def tell_of_account(self, lead: str, at: Micros | None = None) -> Json:
        """The account of a lead got hot, now or at a moment: an alert says so."""
        view = self.world.view(lead)
        account = _account(view["account"], [view])
        told = {name: account[name] for name in ("account", "company", "score", "leads")}
        alert = told | {
            "id": "account-alert",
            "play": "account-hot",
            "lead_id": lead,
            "from": "warm",
            "to": "hot",
            "at": format_time(self.world.now if at is None else at),
            "reasons": [],
            "do": [{"alert": "sales"}],
            "traits": {"company": account["company"]},
            "answer": None,
            "account_tier": "hot",
        }
        self.world.alerts["account-alert"] = alert
        return alert

    def hang_up(self) -> None:
        """Ends all streams."""
        for client in self.clients:
            client.put(None)

    def happens(self, event: Json) -> None:
        """Something happens in the world, and everybody is told, once somebody listens."""
        until(lambda: self.clients)
        for kind, data in self.world.happens(event):
            self.tell(kind, data)

    async def api(self, request: Request) -> Response:
        """Answers anything under /v1."""
        path = str(request.scope["path"])
        self.requests[f"{request.method} {path}"] += 1
        if status := self.refuse(request):
            return JSONResponse({"error": "as the test wants"}, status)
        if path == "/v1/stream":
            return StreamingResponse(self.stream(), media_type="text/event-stream")
        if path == "/v1/arrivals":
            return StreamingResponse(self.arriving(), media_type="text/event-stream")
        if path == "/v1/session":
            return JSONResponse({"ok": True})
        if path.endswith("/answer"):
            return await self.answer(request)
        found = self.read(path, request)
        return JSONResponse(found, 200 if found is not None else 404)

    def read(self, path: str, request: Request) -> Json | None:
        """What a GET gives; None where there is nothing."""
        world, parts = self.world, path.split("/")[2:]
        if parts == ["grid"]:
            return world.grid.as_json()
        if parts == ["status"]:
            tiers = Counter(view["tier"] for view in map(world.view, world.records))
            leads = {tier.id: tiers[tier.id] for tier in world.grid.tiers}
            return {"grid": world.grid.name, "version": 3, "leads": leads, **self.status, **self.clock()}
        if parts == ["alerts"]:
            alerts = sorted(map(world.alert, world.alerts), key=lambda one: one["at"], reverse=True)
            return {"alerts": alerts, "next": None}
        if parts == ["leads"]:
            return self.leads(request)
        if parts[0] == "accounts":
            return self.accounts(parts[1:], request)
        lead = parts[1] if parts[1] in world.records else None
        if lead is None:
            return None
        if parts[2:] == ["curve"]:
            asked = request.query_params
            return world.curve(lead, int(asked.get("days", 30)), int(asked.get("ahead", 14)))
        if parts[2:] == ["plays"]:
            return self.plays(lead)
        return world.timeline(lead) if parts[2:] == ["timeline"] else world.view(lead)

    def accounts(self, asked: list[str], request: Request) -> Json | None:
        """The list of accounts, or one."""
        members: dict[str, list[Json]] = {}
        for view in map(self.world.view, self.world.records):
            if view["account"]:
                members.setdefault(view["account"], []).append(view)
        found = sorted(
            (_account(one, views) for one, views in members.items()), key=lambda one: -one["score"]
        )
        if asked:
            one = next((one for one in found if one["account"] == asked[0]), None)
            if one is None or asked[1:] != ["plays"]:
                return one
            raised = [alert for alert in self.world.alerts.values() if alert.get("account") == one["account"]]
            last = {alert["play"]: parse_time(alert["at"]) for alert in raised}
            plays = account_why_not(Plan(self.world.grid), one, last, self.world.now)
            return {"account": one["account"], "as_of": format_time(self.world.now), "plays": plays}
        query, tier = request.query_params.get("q", "").lower(), request.query_params.get("tier")
        found = [one for one in found if query in str(one["company"]).lower() and tier in (None, one["tier"])]
        return {"accounts": found, "next": None}

    def plays(self, lead: str) -> Json:
        """How plays stand for a lead, by its record; what was done about it as `acts` has it."""
        world, last = self.world, {}
        for alert in world.alerts.values():
            if alert["lead_id"] == lead:
                last[alert["play"]] = parse_time(alert["at"])
        view = world.view(lead)
        plays = why_not(Plan(world.grid), view, last, world.now)
        found = {"lead_id": lead, "as_of": view["as_of"], "plays": plays, "assigned": None, "tasks": []}
        return found | self.acts

    def leads(self, request: Request) -> Json:
        """The list, by tier, text and order."""
        asked = request.query_params
        views = [self.world.view(lead) for lead in self.world.records]
        wanted = asked.get("q", "").lower()
        views = [
            view
            for view in views
            if asked.get("tier") in (None, view["tier"]) and wanted in json.dumps(view["traits"]).lower()
        ]
        views.sort(key=lambda view: (-view["score"], view["lead_id"]))
        return {"leads": views[: int(asked.get("limit", 50))], "next": None}

    async def answer(self, request: Request) -> Response:
        """Takes an answer to an alert, and tells everybody."""
        given = await request.json()
        alert = self.world.alerts[request.url.path.split("/")[3]]
        self.answers.append({"alert_id": alert["id"], **given})
        said = {"answer": given["answer"], "by": given.get("by"), "note": given.get("note")}
        said["at"] = format_time(self.world.now)
        alert["answer"] = None if given["answer"] == "withdrawn" else said
        self.tell("answer", {"alert_id": alert["id"], "lead_id": alert["lead_id"], **said})
        return JSONResponse({"alert_id": alert["id"], **said})

    async def arriving(self) -> AsyncIterator[str]:
        """What arrives at the gateway, as it is put into `arrivals`."""
        yield "event: hello\ndata: {}\n\n"
        told = 0
        while True:
            for arrival in self.arrivals[told:]:
                told += 1
                yield f"event: arrival\ndata: {json.dumps(arrival)}\n\n"
            await anyio.sleep(0.02)

    async def stream(self) -> AsyncIterator[str]:
        """The events of one client."""
        client: queue.Queue[Json | None] = queue.Queue()
        self.clients.append(client)
        yield f"event: hello\nid: 0\ndata: {json.dumps(self.clock() | {'reset': False})}\n\n"
        yield f"event: state\ndata: {json.dumps(self.status)}\n\n"
        try:
            while True:
                with contextlib.suppress(queue.Empty):
                    if (told := client.get_nowait()) is None:
                        return
                    yield f"event: {told['kind']}\nid: 1\ndata: {json.dumps(told['data'])}\n\n"
                    continue
                await anyio.sleep(0.02)
        finally:
            self.clients.remove(client)


def _account(account: str, views: list[Json]) -> Json:
    """An account as the read API gives it, with whole leads, which hold all that the list's have."""
    views = sorted(views, key=lambda view: -view["score"])
    first = views[0]
    return {
        "account": account,
        "company": first["traits"].get("company"),
        "score": first["score"],
        "tier": first["tier"],
        "since": first["since"],
        "tiers": dict(Counter(view["tier"] for view in views)),
        "count": len(views),
        "leads": [view | {"name": name_of(view)} for view in views],
    }


def _refused(_: Request, refusal: Exception) -> Response:
    return JSONResponse({"error": str(refusal)}, getattr(refusal, "status", 500))


class Server(uvicorn.Server):
    """Runs in a thread, so it takes no signals."""

    def install_signal_handlers(self) -> None:
        """Leaves them to pytest."""


@contextlib.contextmanager
def board_server(now: Micros) -> Iterator[tuple[str, Desk]]:
    """Serves the board over a fresh sample world; gives its address and its desk."""
    desk = Desk(World(now))
    sessions = Sessions((KEY,))
    app = Starlette(
        routes=[
            *sessions.routes(),
            Mount("/v1", Route("/{path:path}", desk.api, methods=["GET", "POST", "DELETE"])),
            *page_routes(sessions),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={Refusal: _refused},
    )
    (port,) = free_ports(1)
    server = Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}", desk
    finally:
        desk.hang_up()
        server.should_exit = True
        thread.join(timeout=10)


def until(holds: Callable[[], object], within_s: float = 10) -> None:
    """Waits until something holds; fails where it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


MONDAY = parse_time("2026-11-23T09:42:00Z")
__all__ = ["DAY", "KEY", "MONDAY", "Desk", "board_server", "until"]
