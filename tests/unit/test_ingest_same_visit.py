"""The same visit, told by each protocol, gives the same score, but for points of what one cannot tell."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import Headers, QueryParams

from connectors.ingest import cloudevents
from connectors.ingest.browser import Browser
from connectors.ingest.ga4 import GA4
from connectors.ingest.matomo import Matomo
from connectors.ingest.mautic import Mautic
from connectors.ingest.posthog import PostHog
from connectors.ingest.protocol import Context, Head, Tracker
from connectors.ingest.records import event_record
from connectors.ingest.segment import Segment
from connectors.ingest.snowplow import Snowplow
from scorer.files import read_lines, score_lines
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import SECOND, Micros, format_time, parse_time

GRID = """
grid: g
version: 1
scores: {s: {max: 100}}
tiers: [{id: cold}]
criteria:
  - {id: pricing, score: s, points: 10, event: page_view, where: {url.path: /tarifs}, half_life: 7d}
  - {id: stay, score: s, points: 2, event: page_time, where: {url.path: /tarifs}, per: {duration_s: 60}}
  - {id: paper, score: s, points: 15, event: download, where: {asset: {glob: '*.pdf'}}, half_life: 7d}
  - {id: campaign, score: s, points: 3, event: page_view, where: {context.utm_campaign: q4}}
  - {id: search, score: s, points: 1, where: {referrer: {glob: '*search.test*'}}, event: page_view}
"""
VIEWED = parse_time("2026-11-01T09:00:00Z")
STAYED = Micros(VIEWED + 60 * SECOND)
AT = Micros(VIEWED + 86_400 * SECOND)
URL = "https://acme.test/tarifs?utm_campaign=q4"
PAPER = "https://acme.test/files/livre-blanc.pdf"
FROM = "https://search.test/"
PERSON, DEVICE = "u-1", "b1d6c3aa54a04a9d"

Request = tuple[Micros, str, dict[str, str], Any]


def json_body(told: Any) -> bytes:
    return json.dumps(told).encode()


def segment() -> tuple[Tracker, list[Request]]:
    page = {"url": URL, "referrer": FROM}
    calls: list[dict[str, Any]] = [
        {"type": "page", "properties": page},
        {"type": "track", "event": "Page Time", "properties": {"url": URL, "duration": 60}},
        {"type": "track", "event": "Whitepaper Downloaded", "properties": {"file_name": "livre-blanc.pdf"}},
        {"type": "identify", "userId": PERSON},
    ]
    times = (VIEWED, STAYED, STAYED, STAYED)
    batch = [
        {**call, "anonymousId": DEVICE, "timestamp": format_time(at)}
        for call, at in zip(calls, times, strict=True)
    ]
    return Segment(), [(STAYED, "/v1/batch", {}, json_body({"batch": batch}))]


def rudder() -> tuple[Tracker, list[Request]]:
    context = {"page": {"url": URL, "referrer": FROM}}
    calls: list[dict[str, Any]] = [
        {"type": "page", "context": context, "originalTimestamp": format_time(VIEWED)},
        {"type": "track", "event": "Page Unloaded", "properties": {"timeOnPage": 60_000}, "context": context},
        {"type": "track", "event": "Whitepaper Downloaded", "properties": {"file_name": "livre-blanc.pdf"}},
        {"type": "identify", "userId": PERSON},
    ]
    batch = [{"originalTimestamp": format_time(STAYED), "anonymousId": DEVICE, **call} for call in calls]
    return Segment(), [(STAYED, "/beacon/v1/batch", {}, json_body({"batch": batch}))]


def matomo() -> tuple[Tracker, list[Request]]:
    told = {"idsite": "1", "rec": "1", "_id": DEVICE, "url": URL, "pv_id": "aB3xZ9"}
    return Matomo(), [
        (VIEWED, "/matomo.php", {**told, "urlref": FROM}, b""),
        (STAYED, "/matomo.php", {**told, "ping": "1"}, b""),
        (STAYED, "/matomo.php", {}, urlencode({**told, "download": PAPER, "uid": PERSON}).encode()),
    ]


def ga4_server() -> tuple[Tracker, list[Request]]:
    events = [
        ("page_view", {"page_location": URL, "page_referrer": FROM}, VIEWED),
        ("user_engagement", {"page_location": URL, "engagement_time_msec": 60_000}, STAYED),
        ("file_download", {"link_url": PAPER, "file_name": "livre-blanc.pdf"}, STAYED),
    ]
    told = [{"name": name, "params": params, "timestamp_micros": at} for name, params, at in events]
    body = {"client_id": DEVICE, "user_id": PERSON, "events": told}
    return GA4(), [(STAYED, "/mp/collect", {"measurement_id": "G-1"}, json_body(body))]


def ga4_web() -> tuple[Tracker, list[Request]]:
    told = {"tid": "G-1", "cid": DEVICE, "dl": URL}
    lines = urlencode({"en": "scroll", "_et": "60000"}) + "\n"
    lines += urlencode({"en": "file_download", "ep.file_name": "livre-blanc.pdf"})
    return GA4(), [
        (VIEWED, "/g/collect", {**told, "en": "page_view", "dr": FROM}, b""),
        (STAYED, "/g/collect", {**told, "uid": PERSON}, lines.encode()),
    ]


def snowplow() -> tuple[Tracker, list[Request]]:
    told = {"aid": "shop", "tv": "js-4", "p": "web", "duid": DEVICE, "url": URL, "refr": FROM}
    click = {"schema": "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"}
    click["data"] = {"targetUrl": PAPER}
    happened: list[tuple[Micros, dict[str, str]]] = [
        (VIEWED, {"e": "pv"}),
        *((Micros(VIEWED + beat * 10 * SECOND), {"e": "pp"}) for beat in range(1, 7)),
        (STAYED, {"e": "ue", "ue_pr": json.dumps({"data": click}), "uid": PERSON}),
    ]
    data = [
        {**told, **what, "eid": f"e-{place}", "dtm": str(at // 1_000), "stm": str(STAYED // 1_000)}
        for place, (at, what) in enumerate(happened)
    ]
    return Snowplow(), [(STAYED, "/com.snowplowanalytics.snowplow/tp2", {}, json_body({"data": data}))]


def posthog() -> tuple[Tracker, list[Request]]:
    page = {"$current_url": URL, "$referrer": FROM, "$device_id": DEVICE, "$pathname": "/tarifs"}
    left = {**page, "$prev_pageview_duration": 60, "$prev_pageview_pathname": "/tarifs"}
    calls: list[tuple[str, Micros, str, dict[str, Any]]] = [
        ("$pageview", VIEWED, DEVICE, page),
        ("$pageleave", STAYED, DEVICE, left),
        ("Whitepaper Downloaded", STAYED, DEVICE, {**page, "file_name": "livre-blanc.pdf"}),
        ("$identify", STAYED, PERSON, {"$anon_distinct_id": DEVICE, "$device_id": DEVICE}),
    ]
    batch = [
        {"event": event, "timestamp": format_time(at), "distinct_id": who, "properties": properties}
        for event, at, who, properties in calls
    ]
    return PostHog(), [(STAYED, "/batch/", {}, json_body({"api_key": "phc", "batch": batch}))]


def own_script() -> tuple[Tracker, list[Request]]:
    context = {"utm_campaign": "q4"}
    page = {"url": URL, "referrer": FROM}
    events: list[dict[str, Any]] = [
        {"type": "page_view", "time": format_time(VIEWED), "properties": page, "context": context},
        {"type": "page_time", "properties": {"url": URL, "duration_s": 60}},
        {"type": "download", "properties": {"link": PAPER}},
        {"type": "identify", "lead_id": PERSON},
    ]
    told = [
        {"id": f"e-{place}", "time": format_time(STAYED), "anonymous_id": DEVICE, **event}
        for place, event in enumerate(events)
    ]
    body = {"sent_at": format_time(STAYED), "events": told}
    return Browser(), [(STAYED, "/v1/e", {"key": "pk"}, json_body(body))]


def mautic() -> tuple[Tracker, list[Request]]:
    told = {"page_url": URL, "page_referrer": "search.test", "mautic_device_id": DEVICE}
    paper = {"page_url": PAPER, "mautic_device_id": DEVICE}
    return Mautic(), [
        (VIEWED, "/mtc/event", {}, urlencode(told).encode()),
        (STAYED, "/mtc/event", {}, urlencode(paper).encode()),
    ]


def events_of(tracker: Tracker, requests: list[Request]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for received, path, query, body in requests:
        head = Head("POST", path, {}, QueryParams(query), Headers(), received, None)
        parcel = tracker.parcel(head, body)
        for item in parcel.items:
            told = tracker.events(item, Context(head, parcel))
            found += [{"time": format_time(received), **event} for event in told]
    return found


def scores(events: list[dict[str, Any]], folder: Path) -> dict[str, dict[str, float]]:
    file = folder / "events.jsonl"
    lines = [event_record(json.dumps(event).encode(), 32_000).value.decode() for event in events]
    file.write_text("\n".join(lines))
    records = score_lines(read_lines([file]), Plan(parse_grid(GRID)), AT)
    return {record["lead_id"]: record["contributions"] for record in records}


def expected() -> dict[str, float]:
    faded = 0.5 ** (1 / 7)
    paper = 15 * 0.5 ** ((AT - STAYED) / SECOND / 86_400 / 7)
    return {"pricing": 10 * faded, "stay": 2, "paper": paper, "campaign": 3, "search": 1}


@pytest.mark.parametrize(
    "tell", [segment, rudder, snowplow, posthog, matomo, ga4_server, ga4_web, own_script]
)
def test_the_same_visit_gives_the_same_score(tell: Any, tmp_path: Path) -> None:
    found = scores(events_of(*tell()), tmp_path)
    assert found == {PERSON: pytest.approx(expected())}


def test_by_cloudevents_too(tmp_path: Path) -> None:
    events = []
    for place, event in enumerate(events_of(*segment())):
        named = {
            "specversion": "1.0",
            "id": str(place),
            "source": "/site",
            "type": f"com.acme.{event['type']}",
        }
        data = {name: event[name] for name in event if name not in ("type", "id", "time")}
        envelope = json_body({**named, "time": event["time"], "data": data})
        events.append(json.loads(cloudevents.record(envelope, 32_000).value))
    assert scores(events, tmp_path) == {PERSON: pytest.approx(expected())}


def test_mautic_cannot_tell_the_stay_or_who_it_is(tmp_path: Path) -> None:
    without = {name: points for name, points in expected().items() if name != "stay"}
    assert scores(events_of(*mautic()), tmp_path) == {DEVICE: pytest.approx(without)}
