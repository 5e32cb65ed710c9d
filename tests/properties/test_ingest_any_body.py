"""Whatever a client sends, the gateway answers something sensible, and never with a fault of its own."""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from connectors.ingest.mapping import PLAIN
from connectors.ingest.native import split
from connectors.ingest.producer import Outgoing
from connectors.ingest.records import event_record
from connectors.ingest.segment_events import Arrival, translate
from scorer.errors import EventError
from scorer.event import decode
from scorer.times import Micros, parse_time
from scorer.topics import IN_TOPICS

KEY = "wk"
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SENSIBLE = {400, 413, 503}
"""Without a broker there is no yes: what is acceptable is answered 503."""

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ours = ["id", "type", "lead_id", "anonymous_id", "time", "properties", "traits", "context"]
segment_s = [
    "event",
    "userId",
    "anonymousId",
    "messageId",
    "previousId",
    "timestamp",
    "sentAt",
    "batch",
    "writeKey",
]
inside = ["originalTimestamp", "company", "address", "page", "campaign", "url", "ip", "channel", "name"]
names = st.sampled_from([*ours, *segment_s, *inside]) | st.text(max_size=5)
words = st.sampled_from(
    [
        "page_view",
        "identify",
        "alias",
        "page",
        "track",
        "group",
        "screen",
        "null",
        "2026-11-01T09:00:00Z",
        "u-1",
    ]
)
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=8)
told = st.fixed_dictionaries(
    {
        "id": st.just("e-1"),
        "anonymous_id": st.just("a-1"),
        "type": st.sampled_from(["page_view", "page_time", "download", "identify", "track"]),
        "time": st.just("2026-11-01T09:00:00Z") | st.text(max_size=5),
    },
    optional={
        "name": st.text(max_size=20) | words,
        "properties": objects,
        "traits": objects,
        "context": st.dictionaries(names, st.text(max_size=5), max_size=3),
        "lead_id": scalars,
        "link": st.text(max_size=20),
    },
)
"""Events as our own browser script tells them."""
bodies = st.one_of(
    st.binary(max_size=300),
    values.map(lambda value: json.dumps(value).encode()),
    st.lists(objects, max_size=4).map(lambda found: json.dumps(found).encode()),
    st.lists(objects, max_size=4).map(lambda found: json.dumps({"batch": found}).encode()),
    st.lists(objects | told, max_size=4).map(
        lambda found: json.dumps({"sent_at": "2026-11-01T09:00:00Z", "events": found}).encode()
    ),
    st.lists(objects, max_size=4).map(lambda found: b"\n".join(json.dumps(one).encode() for one in found)),
).flatmap(lambda body: st.sampled_from([body, gzip.compress(body), gzip.compress(body)[:-4]]))


@pytest.fixture(scope="module")
def ask() -> Callable[[str, bytes], httpx.Response]:
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", (KEY,), lambda: Micros(10**15)))
    basic = base64.b64encode(f"{KEY}:".encode()).decode()

    async def post(path: str, body: bytes) -> httpx.Response:
        scheme = f"Bearer {KEY}" if path in ("/v1/events", "/v1/cloudevents") else f"Basic {basic}"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return await client.post(path, content=body, headers={"Authorization": scheme})

    return lambda path, body: asyncio.run(post(path, body))


@untimed
@given(bodies)
@example(b'{"type":"page_view","lead_id":"u"}')
@example(b"[" * 200_000)
@example(b'{"a":' * 100_000)
@example(b'{"type":"page","userId":"u","properties":' + b'{"a":' * 900 + b"1" + b"}" * 901)
@example(b'{"type":"page_view","lead_id":"u","properties":' + b'{"a":' * 900 + b"1" + b"}" * 901)
@example(b'{"type":"page","userId":' + b"9" * 5_000 + b"}")
@example(b'{"type":"page_view","lead_id":"u","id":' + b"9" * 5_000 + b"}")
@example(b'{"type":"page_view","lead_id":"u","n":1e999}')
@example(b'{"type":"page","userId":"u","n":1e999}')
@example(b'{"type":"page","userId":"u","n":NaN}')
@example(b'{"type":"page_view","lead_id":"\\ud800"}')
@example(b'{"type":"page","userId":"\\ud800"}')
@example(b'{"type":"page_view","lead_id":"u","lead_id":3}')
@example(b'{"type":"page","userId":"u","timestamp":-1e308,"sentAt":1e308}')
@example(b'{"type":"page","userId":"u","timestamp":"9999-12-31T23:59:59Z","sentAt":"0001-01-01T00:00:00Z"}')
@example(b"{}\n" * 20_001)
@example(gzip.compress(b"\0" * 50_000_000))
@example(b"\xff\xfe{\x00}\x00")
def test_any_body_gets_a_sensible_answer(ask: Callable[[str, bytes], httpx.Response], body: bytes) -> None:
    for path in ("/v1/events", "/v1/cloudevents", "/v1/batch", "/v1/t", "/v1/p", f"/v1/e?key={KEY}"):
        answer = ask(path, body)
        empty_batch = path != "/v1/events" and answer.json() in ({"success": True}, {"rejected": []})
        assert answer.status_code in SENSIBLE or empty_batch
        assert empty_batch or answer.json()["error"]


@untimed
@given(objects)
def test_what_is_taken_can_be_scored_and_goes_where_it_belongs(event: dict[str, Any]) -> None:
    try:
        found = event_record(json.dumps(event).encode(), 32_000)
    except EventError:
        return
    _require_scorable(found)


@untimed
@given(objects, st.sampled_from(["page", "track", "identify", "group", "alias", "screen"]))
def test_what_a_tracker_said_can_be_scored_and_is_never_in_the_future(
    message: dict[str, Any], call: str
) -> None:
    received = parse_time("2026-11-01T09:00:00Z")
    parsed = msgspec.json.decode(json.dumps(_finite({"event": "Named", **message, "type": call})))
    try:
        translated = translate(parsed, Arrival(received), PLAIN)
        found = event_record(msgspec.json.encode(translated), 64_000)
    except EventError:
        return
    _require_scorable(found)
    assert (decode(found.value).moment or received) <= received


def _require_scorable(found: Outgoing) -> None:
    event = decode(found.value)
    assert found.topic in IN_TOPICS
    assert found.key == event.key.encode()
    assert event.id is not None


def _finite(value: Any) -> Any:
    """The same without what is no JSON."""
    if isinstance(value, dict):
        return {_finite(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not -1e300 < value < 1e300:
        return 0
    return value.encode("utf-8", "ignore").decode() if isinstance(value, str) else value


@untimed
@given(st.lists(objects.map(_finite), min_size=1, max_size=5), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_a_list_and_lines_hold_the_same_events(events: list[dict[str, Any]], end: bytes) -> None:
    texts = [json.dumps(event).encode() for event in events]
    in_list = [json.loads(one) for one in split(b"[" + b", ".join(texts) + b"]")]
    in_lines = [json.loads(one) for one in split(end.join(texts) + end)]
    assert in_list == in_lines == events
