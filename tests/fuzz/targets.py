"""What is fuzzed: each parser as a function of bytes that raises nothing but what a parser may."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from random import Random
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import unquote

from starlette.routing import compile_path
from starlette.types import ASGIApp, Scope

from connectors.ingest import cloudevents, forms, gateway, lenient, links, masking, native, sniffing
from connectors.ingest.arrivals import Arrivals, Noted, _told
from connectors.ingest.base64text import decoded
from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import RefusedError
from connectors.ingest.link_tokens import LinkKeys
from connectors.ingest.mautic_events import unpacked
from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record
from connectors.ingest.trackers import TRACKERS
from connectors.ingest.unpacking import KNOWN, unpack
from connectors.ingest.webhooks.registry import providers
from connectors.ingest.webhooks.signing import Proof
from scorer.errors import EventError
from scorer.event import decode
from scorer.ids import somebody
from scorer.times import Micros
from scorer.topics import FAILED
from tests.fuzz.malformed import malformed
from tests.fuzz.seeds import (
    CLICK_TOKEN,
    LINK_KEY,
    OPEN_TOKEN,
    TIE_TOKEN,
    WRITE_KEYS,
    Request,
    parsed,
    requests,
)
from tests.webhook_deliveries import AT, SETTINGS, delivery

_LIMIT: Final = 50_000
"""Of what is unpacked, in bytes."""


class Fault(AssertionError):
    """What a parser must not do; the text says what, and where."""


@dataclass(frozen=True)
class Target:
    """One parser, and what it is begun with."""

    run: Callable[[bytes], None]
    seeds: list[bytes]
    mutate: Callable[[bytes, Random], bytes]
    """Makes something like it, with something wrong."""


@cache
def targets() -> Mapping[str, Target]:
    """All of them, by name."""
    every = requests()
    found = {}
    for tracker in TRACKERS:
        found[tracker.name] = _of_paths(list(tracker.paths), every)
    found["events"] = _of_paths([native.PATH, cloudevents.PATH], every)
    found["links"] = _of_paths([links.OPEN_PATH, links.CLICK_PATH], every)
    for name in sorted({one.name for one in providers().values()}):
        found[f"webhook-{name}"] = _of_paths([f"/v1/webhooks/{name}"], every)
    wires = [one.wire for one in every]
    bodies = [one.body for one in every if one.body]
    jsons = [body for body in bodies if body[:1] in b"{["]
    queries = [one.target.partition(b"?")[2] for one in every if b"?" in one.target]
    tokens = [one.encode() for one in (OPEN_TOKEN, CLICK_TOKEN, TIE_TOKEN)]
    deliveries = [one.wire for one in every if "/webhooks/" in one.path]
    return found | {
        "signatures": Target(_signatures, deliveries, _other_request),
        "unpacking": Target(
            _unpacking, [b"%c" % at + body for at, body in enumerate(bodies[:200])], _other_body
        ),
        "forms": Target(_form, [*queries, *(body for body in bodies if b"=" in body[:40])], _other_body),
        "sniffing": Target(_sniffing, bodies, _other_body),
        "base64text": Target(_base64, [*tokens, b"eyJhIjoiPz8_In0", b"eyJhIjoiPz8/In0="], _other_body),
        "lenient": Target(_lenient, jsons, _other_body),
        "link-tokens": Target(_link_token, tokens, _other_body),
        "identities": Target(_identities, jsons, _other_body),
        "masking": Target(_masking, wires, _other_request),
    }


def _other_request(data: bytes, random: Random) -> bytes:
    return malformed(parsed(data), random).wire


def _other_body(data: bytes, random: Random) -> bytes:
    return malformed(Request("POST", b"/", (), data), random).body


class _Kept:
    """In the place of the producer: keeps nothing, and looks at what it is given."""

    def __init__(self, config: GatewayConfig) -> None:
        del config

    async def publish(self, records: list[Outgoing]) -> None:
        for one in records:
            if one.topic == FAILED:
                if not dict(one.headers)["errors.message"]:
                    raise Fault("a dead letter without a reason")
            elif decode(one.value).key.encode() != one.key:
                raise Fault(f"a record of {one.topic} under another key than its event's")

    async def put(self, record: Outgoing) -> None:
        await self.publish([record])

    def offer(self, record: Outgoing) -> None:
        json.loads(record.value)

    @property
    def ready(self) -> bool:
        return True


class _Telling(Arrivals):
    """Tells of every request."""

    def __init__(self, app: ASGIApp, **how: Any) -> None:
        super().__init__(app, **how)
        self._sampling.takes = lambda _: True  # type: ignore[method-assign]

    def _tell(self, scope: Scope, route: str | None, status: int, seen: Noted, at: Micros) -> None:
        json.loads(_told(scope, route, status, seen, at))


def _bare(app: ASGIApp, **_: Any) -> ASGIApp:
    return app


@cache
def _application() -> Any:
    """The gateway, which hides no fault in a 500 or in its log."""
    config = GatewayConfig("127.0.0.1:1", "leadheat", WRITE_KEYS, lambda: AT, link_keys=(LINK_KEY,))
    instead = {"EventProducer": _Kept, "Outbox": lambda kept, _: kept, "Observe": _bare, "Arrivals": _Telling}
    with patch.multiple(gateway, **instead):
        return gateway.create_app(config)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _of_paths(templates: list[str], every: list[Request]) -> Target:
    """What a protocol's paths make of requests, whatever those ask for."""
    patterns = [compile_path(template)[0] for template in templates]

    def fits(path: str) -> bool:
        return any(pattern.match(path) for pattern in patterns)

    seeds = [one for one in every if fits(unquote(one.path))]
    assert seeds, templates
    return Target(partial(_ask, fits, seeds[0].target), [one.wire for one in seeds], _other_request)


def _ask(fits: Callable[[str], bool], instead: bytes, data: bytes) -> None:
    """A request to the gateway, by its bytes; to a path of the protocol in any case."""
    request = parsed(data)
    if not fits(unquote(request.path)):
        request = replace(request, target=instead)
    status, body = _loop().run_until_complete(_answer(request))
    if not 200 <= status < 500:
        raise Fault(f"answered {status}")
    if status >= 400 and not body:
        raise Fault(f"refused with {status}, and no reason")


async def _answer(request: Request) -> tuple[int, bytes]:
    path, _, query = request.target.partition(b"?")
    scope = {
        "type": "http",
        "method": request.method if request.method in ("GET", "HEAD", "POST") else "POST",
        "scheme": "http",
        "http_version": "1.1",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": ("192.0.2.7", 4321),
        "server": ("leads.acme.test", 80),
    }
    sent: list[Any] = []
    left = [{"type": "http.request", "body": request.body}]

    async def receive() -> Any:
        return left.pop() if left else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await _application()(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def _signatures(data: bytes) -> None:
    request = parsed(data)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    for name, settings in SETTINGS.items():
        provider = providers()[name]
        if provider.signs(settings):
            try:
                proof = _loop().run_until_complete(
                    provider.authenticate(delivery(name, request.body, headers, settings))
                )
            except RefusedError:
                continue
            raise Fault(f"{name}: let in with {proof if isinstance(proof, Proof) else 'no proof'}")


def _unpacking(data: bytes) -> None:
    encodings = ("", *KNOWN)
    packed = data[1:]
    with suppress(RefusedError):
        found = unpack(packed, encodings[data[0] % len(encodings)] if data else "", _LIMIT)
        if len(found) > max(_LIMIT, len(packed)):
            raise Fault("unpacked to more than its limit")


def _form(data: bytes) -> None:
    with suppress(EventError):
        forms.form(data)
    with suppress(EventError):
        unpacked(data.decode("latin-1"))


def _sniffing(data: bytes) -> None:
    sniffing.json_of(data, "data")


def _base64(data: bytes) -> None:
    with suppress(ValueError):
        decoded(data.decode("latin-1"))


def _lenient(data: bytes) -> None:
    for read in (lenient.mended, lenient.items, lenient.members, lenient.fields):
        with suppress(EventError):
            read(data)


def _link_token(data: bytes) -> None:
    token = data.decode("latin-1")
    for kind, made in (("open", OPEN_TOKEN), ("click", CLICK_TOKEN), ("tie", TIE_TOKEN)):
        if _links().read(kind, token) is not None and token != made:
            raise Fault("read a link that nobody made")


@cache
def _links() -> LinkKeys:
    return LinkKeys([LINK_KEY])


def _identities(data: bytes) -> None:
    try:
        record = event_record(data, 32_000)
    except EventError:
        return
    event = decode(record.value)
    if somebody(event.lead_id) is None and somebody(event.anonymous_id) is None:
        raise Fault("an event of nobody")


def _masking(data: bytes) -> None:
    request = parsed(data)
    mask = masking.Masking(["wk-of-the-tests"])
    mask.body(request.body, 3_000)
    mask.pairs(request.target.partition(b"?")[2].decode("latin-1"))
    mask.text(request.path)
