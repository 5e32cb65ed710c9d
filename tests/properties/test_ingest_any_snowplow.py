"""Whatever is sent to Snowplow's paths, the answer is sensible, and ends it for clients that send again."""

import asyncio
import base64
import gzip
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
from connectors.ingest.mapping import PLAIN
from connectors.ingest.records import event_record
from connectors.ingest.snowplow_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import Micros

PATHS = ("/com.snowplowanalytics.snowplow/tp2", "/com.acme/tp")
FOR_GOOD = {400, 401, 503}
"""Without a broker there is no yes; a 413 would be sent again for ever."""
AT = Micros(10**15)
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
schemas = st.sampled_from(["link_click", "submit_form", "screen_view", "identify", "demo-request", "/"]).map(
    lambda name: f"iglu:com.acme/{name}/jsonschema/1-0-0"
)
described = st.fixed_dictionaries({"schema": schemas | scalars, "data": data})
outer = st.fixed_dictionaries(
    {"schema": schemas | scalars, "data": described | st.lists(described, max_size=2) | data}
)
plain = outer.map(json.dumps) | st.text(max_size=20) | data
packed = outer.map(lambda one: base64.urlsafe_b64encode(json.dumps(one).encode()).decode()) | st.text(
    max_size=20
)
kinds = st.sampled_from(["pv", "pp", "se", "ue", "tr", "ti", "ad"])
items = st.fixed_dictionaries(
    {"e": kinds | scalars, "aid": st.just("shop") | scalars},
    optional={
        **dict.fromkeys(("ue_pr", "co"), plain),
        **dict.fromkeys(("ue_px", "cx"), packed),
        **dict.fromkeys(("dtm", "stm", "ttm"), st.integers().map(str) | scalars),
        **dict.fromkeys(
            ("duid", "uid", "tnuid", "eid", "url", "page", "p", "se_ac", "se_va", "tr_tt"), scalars
        ),
    },
)
bodies = st.one_of(
    st.binary(max_size=200),
    items.map(lambda one: json.dumps(one).encode()),
    st.lists(items | scalars, max_size=4).map(lambda found: json.dumps({"data": found}).encode()),
).flatmap(lambda body: st.sampled_from([body, gzip.compress(body)]))


@pytest.fixture(scope="module")
def ask() -> Callable[..., httpx.Response]:
    app = create_app(GatewayConfig("127.0.0.1:1", "leadheat", ("snowplow:shop",), lambda: AT))

    async def asked(method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return await client.request(method, path, **more)

    return lambda *what, **more: asyncio.run(asked(*what, **more))


@untimed
@given(bodies)
@example(b"[" * 200_000)
@example(b'{"data":' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"data":[' + b'{"aid":"shop"},' * 30_000 + b"{}]}")
@example(b'{"data":[{"aid":"shop","e":"pv","duid":"d","page":"' + b"x" * 40_000 + b'"}]}')
@example(b'{"data":[{"aid":"shop","e":"ue","duid":"d","ue_pr":"' + b"[" * 9_000 + b'"}]}')
@example(b'{"data":[{"aid":"shop","e":"pv","duid":"d","dtm":NaN,"page":"\\ud800"}]}')
@example(b" " * 1_000_001)
def test_any_body_is_answered_for_good(ask: Callable[..., httpx.Response], body: bytes) -> None:
    for path in PATHS:
        answer = ask("POST", path, content=body)
        assert answer.status_code in FOR_GOOD or answer.text == "ok"  # such as forms that are not sent


@untimed
@given(st.dictionaries(st.sampled_from(["e", "duid", "uid", "dtm", "ue_px", "url"]), st.text(max_size=20)))
def test_any_query_is_answered_for_good(ask: Callable[..., httpx.Response], query: dict[str, str]) -> None:
    for path in ("/i", *PATHS[:1]):
        answer = ask("GET", f"{path}?{urlencode({**query, 'aid': 'shop'})}")
        assert answer.status_code in FOR_GOOD


@untimed
@given(items)
def test_what_an_item_tells_can_be_scored_or_is_refused(item: dict[str, Any]) -> None:
    try:
        for event in translate(item, Arrival(AT, "192.0.2.1", "Firefox", "n-1"), PLAIN):
            event_record(json.dumps(event).encode(), 100_000)
    except EventError:
        pass
