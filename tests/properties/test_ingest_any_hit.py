"""Whatever comes to the paths of trackers with a public key, nothing fails but what has no broker."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.ingest.config import GatewayConfig
from connectors.ingest.gateway import create_app
from scorer.times import Micros

KEYS = ("wk", "matomo:1", "ga4:G-1", "mautic:*")
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
QUERIES = {
    "/matomo.php": {"idsite": "1", "rec": "1"},
    "/mp/collect": {"measurement_id": "G-1"},
    "/debug/mp/collect": {"measurement_id": "G-1"},
    "/g/collect": {"tid": "G-1"},
    "/mtc/event": {},
    "/mtracking.gif": {},
    "/pixel/v1/track": {"writeKey": "wk"},
}
SENSIBLE = {200, 204, 400, 401, 413, 503}

texts = st.text(max_size=12) | st.sampled_from(
    [
        *("1", "0", "u-1", "null", "https://acme.test/a?mtm_campaign=b"),
        *("{", '{"1":["email","a@b.test"]}', "1e999", "[[1]]"),
    ]
)
matomo_s = "url uid _id cid cdt cdo ping pv_id e_c e_a e_v idgoal ec_items ec_id _cvar download link search"
more = "c_n ca revenue dimension1 rand urlref _pkp en dl _et ep.a epn.b up.email upn.c _p _s gcs"
mautic_s = "page_url d mautic_device_id"
names = st.sampled_from(f"{matomo_s} {more} {mautic_s}".split())
forms = st.dictionaries(names | texts, texts, max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=5),
    max_leaves=8,
)
told = st.fixed_dictionaries(
    {
        "client_id": values,
        "events": st.lists(st.fixed_dictionaries({"name": texts, "params": values}) | values, max_size=3),
    },
    optional={"user_id": values, "timestamp_micros": values, "user_properties": values, "consent": values},
)
bodies = st.one_of(
    st.binary(max_size=200),
    forms.map(lambda found: urlencode(found, errors="replace").encode()),
    st.lists(forms.map(lambda found: urlencode(found, errors="replace")), max_size=3).map(
        lambda lines: "\n".join(lines).encode()
    ),
    told.map(lambda found: json.dumps(found).encode()),
    st.lists(forms | values, max_size=4).map(
        lambda found: json.dumps({"requests": found, "token_auth": "x"}).encode()
    ),
)


@pytest.fixture(scope="module")
def ask() -> Callable[[str, dict[str, str], bytes], httpx.Response]:
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", KEYS, lambda: Micros(10**15)))

    async def post(path: str, query: dict[str, str], body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            method = "GET" if path in ("/mtracking.gif", "/pixel/v1/track") else "POST"
            return await client.request(method, f"{path}?{urlencode(query, errors='replace')}", content=body)

    return lambda path, query, body: asyncio.run(post(path, query, body))


@untimed
@given(forms, bodies)
@example({}, b'{"client_id":"c","events":[{"name":"x","params":{"a":' + b"9" * 40 + b"}}]}")
@example({}, b'{"client_id":"c","events":[{"name":"x","params":' + b'{"a":' * 500 + b"1" + b"}" * 503)
@example({}, b'{"client_id":"c","events":' + b"[" * 100_000)
@example({}, b'{"client_id":"c","timestamp_micros":' + b"9" * 4_400 + b',"events":[{"name":"x"}]}')
@example({}, b'{"client_id":"c","timestamp_micros":1e400,"events":[{"name":"\\ud800"}]}')
@example({}, b'{"requests":[' + b'"",' * 30_000 + b'""]}')
@example({}, b'{"requests":[{"idsite":1,"uid":"u","url":' + b"[" * 900 + b"]" * 900 + b"}]}")
@example({"uid": "u", "cdt": "9" * 4_400}, b"")
@example({"uid": "u", "_cvar": "[" * 3_000, "ec_items": "[" * 3_000, "idgoal": "0"}, b"")
@example({"cid": "u", "en": "x", "_et": "9" * 4_400, "epn.x": "1e400"}, b"")
@example({"page_url": "x", "mautic_device_id": "\u1234\r\nX: y"}, b"")
@example({"page_url": "x", "mautic_device_id": "a" * 5_000}, b"")
@example({"d": "YToxOntzOjk5OTk5OToi"}, b"")
@example({"d": "e30="}, b"")
@example({}, b"a=b\n" * 200_000)
@example({}, b"a&" * 400_000)
def test_any_request_gets_a_sensible_answer(
    ask: Callable[..., httpx.Response], query: dict[str, str], body: bytes
) -> None:
    for path, own in QUERIES.items():
        answer: Any = ask(path, {**query, **own}, body)
        assert answer.status_code in SENSIBLE
        assert answer.status_code < 300 or answer.json()["error"]
