"""Thousands of malformed requests: each is refused or dead-lettered with its reason and leaves nothing."""

import asyncio
import base64
import gc
import gzip
import json
import logging
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from starlette.routing import Match, Route

from connectors.ingest.arrivals import Sampling
from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from connectors.ingest.producer import EventProducer, Outgoing
from scorer.topics import FAILED, IN_TOPICS
from tests.fuzz.bombs import BOMBS
from tests.fuzz.malformed import broken_wires, variants
from tests.fuzz.seeds import LINK_KEY, WRITE_KEYS, Request, requests
from tests.gateway_live import KEY, Live, live_gateway, running_broker
from tests.tracker_replay import Answer, send
from tests.webhook_deliveries import AT

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

COUNT = 1_500
SEED = 20261101
PATIENCE_S = 20.0
ENDED_S = 1.0
"""After which a request that was never finished is hung up on by its sender."""
AT_ONCE = 16
REPEATED = 300
"""Requests, again and again: one object that each left would be as many blocks of memory each time."""
BOMBED = (
    *(
        b"/v1/events",
        b"/v1/cloudevents",
        b"/v1/e",
        b"/v1/batch",
        b"/v1/t",
        b"/v1/m",
        b"/matomo.php",
        b"/mp/collect",
    ),
    *(b"/g/collect", b"/mtc/event", b"/batch/", b"/flags/", b"/com.acme/tp", b"/v1/webhooks/sendgrid"),
    *(b"/v1/webhooks/ses", b"/v1/webhooks/mailgun", b"/v1/webhooks/mandrill", b"/v1/webhooks/hubspot"),
)
MOST_BOMB_KB = 48_000
"""That any bomb may cost, among them the bomb itself; each unpacks to 60 MB or more."""
NATIVE = ("/v1/events", "/v1/cloudevents")
"""Whose answer tells the sender itself what is rejected; nothing of it is dead-lettered."""


@dataclass
class Seen:
    """What the gateway told of its requests and handed to the broker, since it was last asked."""

    arrivals: list[dict[str, Any]] = field(default_factory=list)
    published: list[Outgoing] = field(default_factory=list)
    total: Counter[str] = field(default_factory=Counter)
    looks: bool = True

    def taken(self) -> tuple[list[dict[str, Any]], list[Outgoing]]:
        """All of it, which is forgotten then."""
        found = self.arrivals, self.published
        self.arrivals, self.published = [], []
        return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Every request is told of, and what is told and published is looked at on its way."""
    seen = Seen()
    offer, publish = EventProducer.offer, EventProducer.publish

    def offering(self: EventProducer, record: Outgoing) -> None:
        if seen.looks:
            seen.arrivals.append(json.loads(record.value))
        offer(self, record)

    async def publishing(self: EventProducer, records: Sequence[Outgoing]) -> None:
        await publish(self, records)
        if seen.looks:
            seen.total.update(one.topic for one in records)
            seen.published += records

    monkeypatch.setattr(EventProducer, "offer", offering)
    monkeypatch.setattr(EventProducer, "publish", publishing)
    monkeypatch.setattr(Sampling, "takes", lambda *_: True)
    return seen


@pytest.fixture
async def live(seen: Seen) -> AsyncIterator[Live]:
    with running_broker() as broker:
        async with live_gateway(
            broker.bootstrap, write_keys=WRITE_KEYS, link_keys=(LINK_KEY,), linger_ms=0
        ) as one:
            one.clock.now = AT
            yield one


def batch() -> list[Request]:
    """Malformed requests to every path, the same each time."""
    return list(variants(requests(), COUNT, SEED))


def test_every_path_has_a_request_from_which_malformed_ones_are_made() -> None:
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", (KEY,), lambda: AT))
    asked = [{"type": "http", "method": one.method, "path": one.path} for one in requests()]
    missing = [
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
        if not any(one["method"] == method and route.matches(one)[0] is Match.FULL for one in asked)
    ]
    assert not missing


async def answered(live: Live, wire: bytes) -> Answer:
    async with asyncio.timeout(PATIENCE_S):
        return await send(live.url, wire)


def outcome(answer: Answer, told: dict[str, Any] | None, found: list[Outgoing]) -> str:
    """What became of a request, in a word; fails where its sender or owner could not tell why."""
    assert answer.status < 500
    dead = [dict(one.headers) for one in found if one.topic == FAILED]
    assert all(one["errors.message"] and one["errors.class"].endswith(b"Error") for one in dead)
    if answer.status >= 400:
        assert not found
        return refused(answer, told)
    if told is None or 300 <= answer.status < 400:
        return "told of no event"
    assert told["error"] is None
    assert all(one["error"] for one in told["rejected"])
    if told["path"] in NATIVE:
        assert len(json.loads(answer.body)["rejected"]) == told["refused"]
    else:
        assert len(dead) == told["refused"]
    assert sum(one.topic in IN_TOPICS for one in found) >= told["accepted"]
    if told["refused"]:
        return "dead-lettered" if dead else "rejected in the answer"
    return "taken" if told["accepted"] else "told of no event"


def refused(answer: Answer, told: dict[str, Any] | None) -> str:
    kind = answer.headers["content-type"]
    if answer.status == 404 and kind.startswith("text/html"):  # a person's browser, at a link in an e-mail
        assert b"This link is not valid" in answer.body
    elif kind.startswith("text/plain"):  # what is no HTTP is refused by the server before the gateway
        assert (answer.status, answer.body, told) == (400, b"Invalid HTTP request received.", None)
        return "no HTTP"
    else:
        assert json.loads(answer.body)["error"]
        assert told is None or told["error"]
    return f"refused with {answer.status}"


async def test_each_is_refused_or_dead_lettered_with_its_reason(
    live: Live, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    became: Counter[str] = Counter()
    wrong: list[object] = []
    caplog.set_level(logging.INFO)
    for request in batch():
        answer, arrivals, found = None, [], []
        try:
            answer = await answered(live, request.wire)
            arrivals, found = seen.taken()
            became[outcome(answer, arrivals[0] if arrivals else None, found)] += 1
        except (AssertionError, KeyError, ValueError, OSError, EOFError) as error:
            wrong.append((error, request.wire[:2_000], answer, arrivals, found))
    assert not wrong, (len(wrong), wrong[:3])
    landed = Counter(one.topic.rpartition(".")[2] for one in await live.landed())
    assert landed == seen.total
    told_why = sum(
        count for kind, count in became.items() if kind.startswith(("refused", "rejected", "dead"))
    )
    assert told_why >= 500, became
    assert min(became[kind] for kind in ("dead-lettered", "rejected in the answer", "taken")) > 0, became
    require_clean(caplog)


def require_clean(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing in the log of a fault, nor of anybody, nor of a key."""
    for one in caplog.records:
        assert one.levelno < logging.ERROR and not one.exc_info, one
        if one.name != "uvicorn.access":  # which is off in earnest
            for secret in (KEY, "ada@", "u-1", "wk_demo", "phc_demo", "acme"):
                assert secret not in one.getMessage(), one


async def test_what_breaks_http_itself_is_refused_or_hung_up_on(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    posts = [one for one in requests() if one.method == "POST" and one.body][:80:8]
    wires = [wire for request in posts for wire in broken_wires(request)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def firsts(wire: bytes) -> list[bytes]:
        async with gate:
            return status_lines(await said_to(live, wire))

    for wire, statuses in zip(wires, await asyncio.gather(*map(firsts, wires)), strict=True):
        assert all(200 <= int(status) < 500 for status in statuses), (wire[:300], statuses)
    require_clean(caplog)
    assert (await live.client.get("/readyz")).status_code == 200


async def said_to(live: Live, wire: bytes) -> bytes:
    """All that is answered to bytes after which nothing comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.server.config.port)
    found = bytearray()
    with suppress(ConnectionError):
        writer.write(wire)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDED_S):
                while more := await reader.read(65_536):
                    found += more
        writer.close()
        await writer.wait_closed()
    return bytes(found)


def status_lines(answers: bytes) -> list[bytes]:
    return [one.split(b" ", 1)[0] for one in answers.split(b"HTTP/1.1 ")[1:]]


async def test_what_the_description_does_not_allow_is_refused_with_its_reason(live: Live, seen: Seen) -> None:
    seen.looks = False
    answers = await asyncio.to_thread(fuzzed_by_description, live.url)
    assert len(answers) >= 100
    wrong = []
    for method, path, status, kind, body in answers:
        reason = kind.startswith("text/html") or status < 400 or json.loads(body).get("error")
        if status >= 500 or not reason:
            wrong.append((method, path, status, body[:300]))
    assert not wrong, wrong[:5]
    assert sum(status >= 400 for _, _, status, _, _ in answers) >= 50


def fuzzed_by_description(url: str) -> list[tuple[str, str, int, str, bytes]]:
    """What each operation answers to what its description does not allow, and to some that it does."""
    found: list[tuple[str, str, int, str, bytes]] = []
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    wrong, right = schemathesis.GenerationMode.NEGATIVE, schemathesis.GenerationMode.POSITIVE
    for operation in (one.ok() for one in schema.get_all_operations()):
        try:
            _try(operation.as_strategy(generation_mode=wrong), url, found)
        except hypothesis.errors.Unsatisfiable:  # nothing is forbidden there
            _try(operation.as_strategy(generation_mode=right), url, found)
    return found


def _try(cases: Any, url: str, found: list[tuple[str, str, int, str, bytes]]) -> None:
    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(cases)
    def ask(case: schemathesis.Case) -> None:
        case.headers.setdefault("Authorization", f"Bearer {KEY}")
        answer = case.call(base_url=url, timeout=PATIENCE_S)
        kind = answer.headers.get("content-type", [""])[0]
        found.append((case.method, case.path, answer.status_code, kind, answer.content))

    ask()


async def test_repeating_them_takes_no_more_memory(live: Live, seen: Seen) -> None:
    seen.looks = False
    logging.disable()  # pytest keeps every line
    wires = [one.wire for one in variants(requests(), REPEATED, SEED)]

    async def held() -> int:
        """Blocks of memory that are held after one more time."""
        for start in range(0, len(wires), AT_ONCE):
            await asyncio.gather(*(answered(live, wire) for wire in wires[start : start + AT_ONCE]))
        await asyncio.sleep(0.2)
        gc.collect()
        return sum(one.count for one in tracemalloc.take_snapshot().statistics("filename"))

    tracemalloc.start()
    try:
        found = [await held() for _ in range(4)]
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    # of new visitors, such as cookies make, some blocks are kept, not one of every request
    assert found[-1] - found[0] < (len(found) - 1) * REPEATED, found


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
async def test_a_bomb_is_refused_and_costs_next_to_nothing(live: Live, seen: Seen) -> None:
    for path in BOMBED:
        for name, (body, encoding, _) in BOMBS.items():
            told = (b"Content-Encoding", encoding.encode())
            # what is packed twice is unpacked once, which may be told of or dropped as anything else
            statuses = {200, 204, 400, 413} if name == "nested" else {400, 413}
            await require_cheap(live, seen, packed(path, body, told), statuses)
        twice = (b"Content-Encoding", b"gzip, gzip")
        await require_cheap(live, seen, packed(path, BOMBS["nested"][0], twice), {400, 413, 415})


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
async def test_a_bomb_inside_a_field_is_never_unpacked(live: Live, seen: Seen) -> None:
    inside = base64.b64encode(BOMBS["gzip"][0][:20_000])
    form = (b"Content-Type", b"application/x-www-form-urlencoded")
    data = inside.replace(b"+", b"%2B")
    sent = [
        packed(b"/e/?compression=gzip-js", b"data=" + data, form),
        packed(b"/e/", b'{"api_key": "phc_demo", "batch": [{"data": "%s"}]}' % inside),
        packed(b"/batch/", gzip.compress(b"data=" + data), form),
        packed(
            b"/com.acme/tp", b'{"data": [{"aid": "shop", "e": "ue", "duid": "d", "ue_px": "%s"}]}' % inside
        ),
        packed(b"/mtc/event", b"d=" + data, form),
        packed(b"/v1/cloudevents", b'{"specversion": "1.0", "id": "1", "data_base64": "%s"}' % inside),
        packed(b"/v1/webhooks/ses", b'{"Type": "Notification", "Message": "%s"}' % inside),
    ]
    for request in sent:
        await require_cheap(live, seen, request, {200, 400})


def packed(path: bytes, body: bytes, *headers: tuple[bytes, bytes]) -> Request:
    """A request with a key that opens any of the paths."""
    plain = next(one for one in requests() if one.target.partition(b"?")[0] == path.partition(b"?")[0])
    own = (one for one in plain.headers if not one[0].lower().startswith(b"content-"))
    return Request("POST", path if b"?" in path else plain.target, (*own, *headers), body)


async def require_cheap(live: Live, seen: Seen, request: Request, statuses: set[int]) -> None:
    """Fails unless the request is answered so, its reason told, without much memory at any moment."""
    seen.taken()
    Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is this request's
    before = status_kb("VmRSS")
    answer = await answered(live, request.wire)
    assert status_kb("VmHWM") - before <= MOST_BOMB_KB, request.target
    arrivals, found = seen.taken()
    assert answer.status in statuses, (request.target, answer)
    outcome(answer, arrivals[0] if arrivals else None, found)


def status_kb(name: str) -> int:
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0])
