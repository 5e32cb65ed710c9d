"""Requests as they should be, of which malformed ones are made: captured ones, one written for each path."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.ingest.link_tokens import Link, LinkKeys
from connectors.ingest.webhooks.registry import providers
from scorer.times import Micros
from tests.gateway_live import CAPTURES, KEY
from tests.tracker_replay import captured

LINK_KEY: Final = "a-link-key-of-the-tests"
WRITE_KEYS: Final = (
    *(KEY, "wk_demo_server", "wk_demo_rudder", "segment:wk_demo_browser", "posthog:phc_demo"),
    *("snowplow:*", "matomo:*", "ga4:*", "mautic:*", "webhook:*"),
)
"""Let in everything that is captured or written here."""
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))


@dataclass(frozen=True)
class Request:
    """A request, which need not be one."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    @property
    def wire(self) -> bytes:
        """Its bytes; the length is told unless the headers say something of it already."""
        headers = list(self.headers)
        if not any(name.lower() in _FRAMING for name, _ in headers):
            headers.append((b"Content-Length", b"%d" % len(self.body)))
        head = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target)]
        return b"\r\n".join([*head, *(b"%s: %s" % one for one in headers), b"", self.body])

    @property
    def path(self) -> str:
        """Its path, as it is written."""
        return self.target.partition(b"?")[0].decode("latin-1")


def parsed(wire: bytes) -> Request:
    """The request of bytes that need not be one.

    >>> parsed(Request("POST", b"/i?a=1", ((b"Host", b"x"),), b"{}").wire).target
    b'/i?a=1'
    """
    top, _, body = wire.partition(b"\r\n\r\n")
    first, *lines = top.split(b"\r\n")
    method, _, rest = first.partition(b" ")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    kept = tuple(one for one in headers if one[0] and one[0].lower() not in _FRAMING)
    return Request(method.decode("latin-1"), rest.rpartition(b" ")[0] or rest, kept, body)


def requests() -> list[Request]:
    """All of them, always in the same order."""
    return [*_written(), *_webhooks(), *_captured_trackers(), *_captured_mails()]


def _captured_trackers() -> Iterator[Request]:
    for path in sorted((CAPTURES / "trackers").glob("*.jsonl")):
        for one in captured(path):
            if one.method != "OPTIONS":
                headers = tuple(
                    (name.encode(), value.encode())
                    for name, value in one.headers
                    if name.lower().encode() not in _FRAMING
                )
                yield Request(one.method, one.path.encode(), headers, one.body)


def _captured_mails() -> Iterator[Request]:
    for path in sorted((CAPTURES / "email").glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")).get("cases", []):
            body = base64.b64decode(case["body_b64"]) if case["body_b64"] else (case["body"] or "").encode()
            yield webhook(path.stem, body, case["content_type"] or "application/json")


def webhook(name: str, body: bytes, content_type: str = "application/json") -> Request:
    """A delivery of a provider that shows a key."""
    headers = (*_HOST, *_BASIC, (b"Content-Type", content_type.encode()))
    return Request("POST", b"/v1/webhooks/" + name.encode(), headers, body)


_HOST: Final = ((b"Host", b"leads.acme.test"),)
_BASIC: Final = ((b"Authorization", b"Basic " + base64.b64encode(f"any:{KEY}".encode())),)
_SEGMENT: Final = ((b"Authorization", b"Basic " + base64.b64encode(f"{KEY}:".encode())),)
_BEARER: Final = ((b"Authorization", b"Bearer " + KEY.encode()),)
_BROWSER: Final = (
    (b"Origin", b"https://www.acme.test"),
    (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
    (b"Referer", b"https://www.acme.test/tarifs?utm_source=news"),
    (b"Cookie", b"sp=9b2f6f2e-1a55-4a5c-9d37-6b6c2d1e0f7a; mautic_device_id=a1b2c3"),
)
_JSON: Final = ((b"Content-Type", b"application/json"),)
_FORM: Final = ((b"Content-Type", b"application/x-www-form-urlencoded"),)
_TIME: Final = "2026-11-01T08:59:00Z"
_URL: Final = "https://www.acme.test/tarifs?utm_campaign=demo"

_EVENT: Final[Mapping[str, Any]] = {
    "id": "e-1",
    "type": "identify",
    "lead_id": "u-1",
    "anonymous_id": "a-1",
    "time": _TIME,
    "properties": {"url": _URL, "title": "Tarifs", "duration_s": 30},
    "traits": {"email": "ada@acme.test", "employees": 120, "company": {"name": "Acme"}},
    "context": {"ip": "192.0.2.1", "utm_source": "news"},
}
_SEGMENT_CALL: Final[Mapping[str, Any]] = {
    "type": "track",
    "event": "Demo Requested",
    "messageId": "m-1",
    "userId": "u-1",
    "anonymousId": "a-1",
    "timestamp": _TIME,
    "context": {"page": {"url": _URL}, "campaign": {"name": "demo"}, "ip": "192.0.2.1"},
    "properties": {"url": _URL, "revenue": 12.5},
    "traits": {"company": {"name": "Acme", "employee_count": 12}},
    "consent": {"categoryPreferences": {"Analytics": True}},
    "groupId": "g-1",
    "previousId": "u-0",
}
_SNOWPLOW_UE: Final[Mapping[str, Any]] = {
    "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
    "data": {
        "schema": "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1",
        "data": {"targetUrl": "https://www.acme.test/livre-blanc.pdf"},
    },
}
_SNOWPLOW: Final[Mapping[str, str]] = {
    "aid": "shop",
    "e": "ue",
    "duid": "d-1",
    "uid": "u-1",
    "eid": "8d3f",
    "url": _URL,
    "page": "Tarifs",
    "dtm": "1793523540000",
    "stm": "1793523541000",
    "p": "web",
    "tv": "js-4",
    "ue_px": base64.urlsafe_b64encode(json.dumps(_SNOWPLOW_UE).encode()).decode().rstrip("="),
}
_POSTHOG: Final[Mapping[str, Any]] = {
    "event": "$identify",
    "uuid": "0192f8d0-0000-7000-8000-000000000001",
    "distinct_id": "u-1",
    "timestamp": _TIME,
    "properties": {
        "token": "phc_demo",
        "$anon_distinct_id": "a-1",
        "$current_url": _URL,
        "$lib": "web",
        "$set": {"email": "ada@acme.test"},
    },
}
_GA4: Final[Mapping[str, Any]] = {
    "client_id": "555.777",
    "user_id": "u-1",
    "timestamp_micros": 1793523540000000,
    "user_properties": {"company": {"value": "Acme"}},
    "consent": {"ad_user_data": "GRANTED"},
    "events": [
        {"name": "page_view", "params": {"page_location": _URL, "engagement_time_msec": 900}},
        {"name": "file_download", "params": {"file_name": "wp.pdf", "items": [{"item_id": "1"}]}},
    ],
}
_BROWSER_EVENTS: Final[Mapping[str, Any]] = {
    "sent_at": _TIME,
    "events": [
        {
            "id": "b-1",
            "type": "track",
            "name": "Demo Requested",
            "time": _TIME,
            "anonymous_id": "a-1",
            "properties": {"url": _URL},
            "context": {"utm_source": "news"},
        },
        {"id": "b-2", "type": "identify", "time": _TIME, "anonymous_id": "a-1", "traits": {"title": "CEO"}},
    ],
}
_CLOUD_EVENT: Final[Mapping[str, Any]] = {
    "specversion": "1.0",
    "id": "c-1",
    "source": "/shop",
    "type": "com.acme.page_view",
    "time": _TIME,
    "subject": "u-1",
    "data": {"type": "page_view", "lead_id": "u-1", "properties": {"url": _URL}},
}
_MATOMO: Final = (
    b"idsite=1&rec=1&_id=b1d6c3aa54a04a9d&uid=u-1&url=https%3A%2F%2Fwww.acme.test%2Ftarifs&action_name=Tarifs"
    b"&cdt=1793523540&token_auth=" + KEY.encode() + b"&_cvar=%7B%221%22%3A%5B%22plan%22%2C%22pro%22%5D%7D"
    b"&ec_items=%5B%5B%22sku%22%2C%22Pro%22%2C%22%22%2C12%2C1%5D%5D&pv_id=aB3dE5&e_c=Demo&e_a=Requested&e_v=1.5"
)
_GA4_QUERY: Final = (
    b"v=2&tid=G-1&cid=555.777&uid=u-1&en=page_view&dl=https%3A%2F%2Fwww.acme.test%2Ftarifs&dt=Tarifs&_et=900&_s=1"
    b"&_p=17935&sid=1793523540&ep.campaign=demo&epn.value=12.5&up.company=Acme&upn.employees=12&gcs=G111"
)
_MAUTIC: Final = (
    b"page_url=https%3A%2F%2Fwww.acme.test%2Ftarifs&page_title=Tarifs&mautic_device_id=a1b2c3&email=ada%40acme.test"
    b"&firstname=Ada&counter=0&timezone_offset=-60"
)
_PHP: Final = base64.b64encode(b'a:2:{s:8:"page_url";s:21:"https://acme.test/x.y";s:5:"email";s:5:"a@b.c";}')
_IMAGE: Final = (
    b"writeKey=wk_demo_rudder&anonymousId=a-1&userId=u-1&event=Demo&properties.asset=wp.pdf"
    b"&context.page.url=https%3A%2F%2Fwww.acme.test%2F"
)
_LINKS: Final = LinkKeys([LINK_KEY])
OPEN_TOKEN: Final = _LINKS.sign(Link("open", "u-1", "demo", "m-1"))
LEAVE_TOKEN: Final = _LINKS.sign(Link("leave", "u-1", "demo", "m-1", about="a1b2"))
ANSWER_TOKEN: Final = _LINKS.sign(Link("answer", "u-1", "nps", "m-1"))
CLICK_TOKEN: Final = _LINKS.sign(Link("click", "u-1", "demo", "m-1", "https://www.acme.test/demo", ties=True))
TIE_TOKEN: Final = _LINKS.sign(Link("tie", "u-1", until=Micros(2**53)))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _written() -> Iterator[Request]:
    """For every path of the gateway but webhooks."""
    native = (*_HOST, *_BEARER)
    yield Request("POST", b"/v1/events", (*native, *_JSON), _dumped(_EVENT))
    yield Request(
        "POST", b"/v1/events", (*native, *_JSON), _dumped([_EVENT, {**_EVENT, "type": "page_view"}])
    )
    yield Request("POST", b"/v1/events", native, _dumped(_EVENT) + b"\n" + _dumped(_EVENT) + b"\n")
    structured = ((b"Content-Type", b"application/cloudevents+json"),)
    batched = ((b"Content-Type", b"application/cloudevents-batch+json"),)
    binary = tuple(
        (f"ce-{name}".encode(), str(value).encode()) for name, value in _CLOUD_EVENT.items() if name != "data"
    )
    yield Request("POST", b"/v1/cloudevents", (*native, *structured), _dumped(_CLOUD_EVENT))
    yield Request("POST", b"/v1/cloudevents", (*native, *batched), _dumped([_CLOUD_EVENT] * 2))
    yield Request("POST", b"/v1/cloudevents", (*native, *_JSON, *binary), _dumped(_CLOUD_EVENT["data"]))
    link = {"id": "b-3", "type": "identify", "time": _TIME, "anonymous_id": "a-1", "link": TIE_TOKEN}
    for told in (_BROWSER_EVENTS, {"sent_at": _TIME, "events": [link]}):
        yield Request("POST", b"/v1/e?key=" + KEY.encode(), (*_HOST, *_BROWSER), _dumped(told))
    yield from _written_segment()
    yield from _written_forms()
    yield from _written_batches()
    asked = (
        *(b"/o/" + OPEN_TOKEN.encode() + b".gif", b"/c/" + CLICK_TOKEN.encode()),
        *(b"/leadheat.js", b"/openapi.json", b"/healthz", b"/readyz", b"/metrics", b"/health", b"/mtc.js"),
        b"/v1/projects/wk_demo_server/settings",
        *(b"/sourceConfig?writeKey=wk_demo_rudder", b"/sourceConfig/?p=npm&writeKey=wk_demo_rudder"),
        *(b"/array/phc_demo/config", b"/array/phc_demo/config.js"),
    )
    for target in asked:
        yield Request("GET", target, (*_HOST, *_BROWSER))
    for page, form in (
        (b"/m/u/" + LEAVE_TOKEN.encode(), b"List-Unsubscribe=One-Click"),
        (b"/m/n/" + ANSWER_TOKEN.encode(), b"rating=9&comment=merci"),
    ):
        yield Request("GET", page, (*_HOST, *_BROWSER))
        yield Request("POST", page, (*_HOST, *_BROWSER, *_FORM), form)


def _written_segment() -> Iterator[Request]:
    headers = (*_HOST, *_SEGMENT, *_JSON)
    calls = ("page", "track", "identify", "group", "alias", "screen")
    batch = {"batch": [{**_SEGMENT_CALL, "type": call} for call in calls], "sentAt": _TIME, "writeKey": KEY}
    for path in ("/v1/batch", "/v1/import", "/v1/b"):
        yield Request("POST", path.encode(), headers, _dumped(batch))
    zipped = (*_HOST, (b"Content-Encoding", b"gzip"), *_FORM)
    yield Request(
        "POST", b"/beacon/v1/batch?writeKey=wk_demo_rudder", zipped, gzip.compress(_dumped(batch), mtime=0)
    )
    for path in (*calls, *(call[0] for call in calls), "a", "m"):
        yield Request("POST", f"/v1/{path}".encode(), (*headers, *_BROWSER), _dumped(_SEGMENT_CALL))
    for path in (b"/pixel/v1/page?", b"/pixel/v1/track?"):
        yield Request("GET", path + _IMAGE, (*_HOST, *_BROWSER))


def _written_forms() -> Iterator[Request]:
    """Of protocols that tell in queries and forms."""
    for matomo in (b"/matomo.php", b"/piwik.php"):
        yield Request("GET", matomo + b"?" + _MATOMO, (*_HOST, *_BROWSER))
        yield Request("POST", matomo + b"?send_image=0", (*_HOST, *_FORM), _MATOMO)
        bulk = {
            "requests": ["?" + _MATOMO.decode(), {"idsite": 1, "rec": 1, "uid": "u-1"}],
            "token_auth": KEY,
        }
        yield Request("POST", matomo, (*_HOST, *_JSON), _dumped(bulk))
    yield Request("GET", b"/g/collect?" + _GA4_QUERY, (*_HOST, *_BROWSER))
    yield Request(
        "POST", b"/g/collect?" + _GA4_QUERY, (*_HOST, *_BROWSER), b"en=scroll&_s=2\r\nen=click&_s=3"
    )
    for ga4 in (b"/mp/collect", b"/debug/mp/collect"):
        target = ga4 + b"?measurement_id=G-1&api_secret=" + KEY.encode()
        yield Request("POST", target, (*_HOST, *_JSON), _dumped(_GA4))
    yield Request("POST", b"/mtc/event", (*_HOST, *_FORM, *_BROWSER), _MAUTIC)
    yield Request("GET", b"/mtracking.gif?" + _MAUTIC, (*_HOST, *_BROWSER))
    yield Request("GET", b"/mtracking.gif?d=" + _PHP, (*_HOST, *_BROWSER))
    yield Request("GET", b"/mtc", (*_HOST, *_BROWSER))


def _written_batches() -> Iterator[Request]:
    """Of PostHog and Snowplow."""
    batch = {"api_key": "phc_demo", "batch": [_POSTHOG, {**_POSTHOG, "event": "$pageview"}], "sent_at": _TIME}
    packed = base64.b64encode(_dumped(_POSTHOG))
    for path in (b"/batch", b"/e", b"/i/v0/e", b"/capture", b"/track", b"/engage"):
        for slash in (b"", b"/"):
            yield Request("POST", path + slash, (*_HOST, *_JSON), _dumped(batch))
            yield Request("GET", path + slash + b"?data=" + packed, (*_HOST, *_BROWSER))
    yield Request("POST", b"/e/?compression=base64", (*_HOST, *_FORM), b"data=" + packed)
    zipped = gzip.compress(_dumped([_POSTHOG]), mtime=0)
    yield Request("POST", b"/e/?compression=gzip-js", (*_HOST, (b"Content-Type", b"text/plain")), zipped)
    bearer = (*_HOST, (b"Authorization", b"Bearer phc_demo"), *_JSON)
    yield Request("POST", b"/i/v1/analytics/events", bearer, _dumped(batch))
    for path in (b"/flags", b"/decide", b"/s", b"/i/v0/ai/batch"):
        for slash in (b"", b"/"):
            yield Request("POST", path + slash, (*_HOST, *_JSON), _dumped({"token": "phc_demo"}))
    plain = {**{n: v for n, v in _SNOWPLOW.items() if n != "ue_px"}, "ue_pr": json.dumps(_SNOWPLOW_UE)}
    contexts = {"schema": "iglu:x/contexts/jsonschema/1-0-0", "data": [_SNOWPLOW_UE["data"]]}
    data = [_SNOWPLOW, {**plain, "co": json.dumps(contexts)}, {**_SNOWPLOW, "e": "pv"}]
    told = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": data}
    for path in (b"/com.snowplowanalytics.snowplow/tp2", b"/com.acme/tp"):
        yield Request("POST", path, (*_HOST, *_JSON, *_BROWSER), _dumped(told))
    query = "&".join(f"{name}={value}" for name, value in _SNOWPLOW.items()).replace(":", "%3A").encode()
    for path in (b"/i", b"/ice.png", b"/com.snowplowanalytics.snowplow/tp2"):
        yield Request("GET", path + b"?" + query, (*_HOST, *_BROWSER))


_MAIL: Final[Mapping[str, Any]] = {
    "sendgrid": [{"email": "ada@acme.test", "event": "click", "timestamp": 1793523540, "sg_event_id": "s-1"}],
    "mailgun": {
        "event-data": {
            "event": "opened",
            "id": "e-1",
            "recipient": "ada@acme.test",
            "timestamp": 1793523540.5,
        }
    },
    "mandrill": None,
    "postmark": {"RecordType": "Open", "MessageID": "m-1", "Recipient": "ada@acme.test", "ReceivedAt": _TIME},
    "brevo": {"event": "click", "email": "ada@acme.test", "ts_epoch": 1793523540000, "link": _URL},
    "mailjet": [{"event": "open", "time": 1793523540, "email": "ada@acme.test", "MessageID": 19421777}],
    "sparkpost": [
        {"msys": {"track_event": {"type": "click", "rcpt_to": "ada@acme.test", "timestamp": "1793523540"}}}
    ],
    "mailtrap": {"events": [{"event": "open", "email": "ada@acme.test", "timestamp": 1793523540}]},
    "mailersend": {
        "type": "activity.clicked",
        "created_at": _TIME,
        "data": {"email": {"recipient": {"email": "ada@acme.test"}}, "morph": {"url": _URL}},
    },
    "ses": {
        "Type": "Notification",
        "MessageId": "19ba9823",
        "TopicArn": "arn:aws:sns:eu-west-3:123456789012:mail",
        "Timestamp": _TIME,
        "Message": json.dumps(
            {
                "eventType": "Click",
                "mail": {
                    "messageId": "m-1",
                    "destination": ["ada@acme.test"],
                    "tags": {"campaign": ["demo"]},
                },
                "click": {"timestamp": _TIME, "link": _URL},
            }
        ),
    },
    "hubspot": [
        {
            "eventId": 1,
            "subscriptionType": "contact.propertyChange",
            "objectId": 1246965,
            "propertyName": "lifecyclestage",
            "propertyValue": "customer",
            "occurredAt": 1793523540000,
        }
    ],
    "resend": {
        "type": "email.clicked",
        "created_at": _TIME,
        "data": {"email_id": "m-1", "to": ["ada@acme.test"], "click": {"link": _URL, "timestamp": _TIME}},
    },
    "standard": {"type": "page_view", "timestamp": _TIME, "data": {"lead_id": "u-1", "url": _URL}},
    "marketo": {"event": "email_click", "email": "ada@acme.test", "time": _TIME, "link": _URL},
    "plezi": {"event": "form_submit", "email": "ada@acme.test", "time": _TIME},
}


def _webhooks() -> Iterator[Request]:
    """For every provider."""
    known = sorted({provider.name for provider in providers().values()})
    for name in known:
        if name == "mandrill":
            told = [{"event": "open", "ts": 1793523540, "_id": "m-1", "msg": {"email": "ada@acme.test"}}]
            form = b"mandrill_events=" + _dumped(told).replace(b"+", b"%2B").replace(b" ", b"+")
            yield webhook(name, form, "application/x-www-form-urlencoded")
        else:
            yield webhook(name, _dumped(_MAIL[name]))
    field = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = ((b"event", b"opened"), (b"recipient", b"ada@acme.test"), (b"timestamp", b"1793523540"))
    parts = b"".join(field % one for one in fields) + b"--b--\r\n"
    yield webhook("mailgun", parts, "multipart/form-data; boundary=b")
