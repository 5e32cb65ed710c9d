"""What a source does with an event: whether it may send it, whose it is, what is kept of the address."""

import json
from typing import Any

import pytest

from connectors.ingest.records import event_record
from connectors.ingest.source import NotAllowedError, Source, cut
from connectors.ingest.source_reader import Surroundings, parse_sources


def source(rules: str) -> Source:
    text = f"site: {{keys: [wk_live_key], {rules}}}"
    return parse_sources(text, "sources.yml", Surroundings(address_key=b"a secret"))[0][0]


def event(**fields: Any) -> bytes:
    return json.dumps({"id": "e-1", "type": "page_view", "anonymous_id": "a-1", **fields}).encode()


def covered(rules: str, **fields: Any) -> bool:
    found = event_record(event(**fields), 32_000).event
    assert found is not None
    return source(f"exclude: {{{rules}}}").exclusions.cover(found)


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        ("public: false", ["page_view", "identify", "alias", "outcome", "retract"], []),
        ("public: true", ["page_view", "nps", "identify"], ["alias", "outcome", "retract"]),
        ("may: []", ["page_view"], ["identify", "alias", "outcome", "retract"]),
        ("types: [download]", ["download", "identify"], ["page_view", "nps"]),
        ("types: [], may: [outcome]", ["outcome"], ["page_view", "identify"]),
    ],
)
def test_rights(rules: str, allowed: list[str], refused: list[str]) -> None:
    one = source(rules)
    for of_type in allowed:
        one.require_allowed(of_type)
    for of_type in refused:
        with pytest.raises(NotAllowedError, match=of_type):
            one.require_allowed(of_type)


@pytest.mark.parametrize(
    ("rules", "fields", "theirs"),
    [
        ("networks: [203.0.113.0/24]", {"context": {"ip": "203.0.113.9"}}, True),
        ("networks: [203.0.113.0/24]", {"context": {"ip": "::ffff:203.0.113.9"}}, True),
        ("networks: [203.0.113.0/24]", {"context": {"ip": "203.0.114.9"}}, False),
        ("networks: [203.0.113.0/24]", {"context": {"ip": "office"}}, False),
        ("networks: [203.0.113.0/24]", {"context": {"ip": 7}}, False),
        ("networks: [203.0.113.0/24]", {}, False),
        ("networks: ['2001:db8::/32']", {"context": {"ip": "2001:db8::9"}}, True),
        ("email_domains: [acme.example]", {"lead_id": "ada@Acme.Example"}, True),
        ("email_domains: [acme.example]", {"lead_id": "ada@mail.acme.example"}, True),
        ("email_domains: [acme.example]", {"lead_id": "ada@notacme.example"}, False),
        ("email_domains: [acme.example]", {"properties": {"email": "ada@acme.example"}}, True),
        ("email_domains: [acme.example]", {"type": "identify", "traits": {"email": "a@acme.example"}}, True),
        ("email_domains: [acme.example]", {"type": "identify", "traits": {"email": None}}, False),
        ("users: [u-1, a-1]", {}, True),
        ("users: [u-1]", {"lead_id": "u-1"}, True),
        ("users: [u-1]", {"lead_id": "u-2"}, False),
        ("hosts: ['*.test.example', localhost]", {"properties": {"url": "http://LOCALHOST:80/"}}, True),
        ("hosts: ['*.test.example', localhost]", {"properties": {"url": "https://a.b.test.example/"}}, True),
        ("hosts: ['*.test.example', localhost]", {"properties": {"url": "https://test.example/"}}, False),
        ("hosts: [localhost]", {"properties": {"url": "https://[bad/"}}, False),
        ("hosts: [localhost]", {"properties": {"url": ["localhost"]}}, False),
        ("internal: true", {"context": {"internal": True}}, True),
        ("internal: true", {"properties": {"internal": True}}, True),
        ("internal: true", {"properties": {"internal": 1}}, False),
        ("internal: false", {"properties": {"internal": True}}, False),
    ],
)
def test_its_own_people(rules: str, fields: dict[str, Any], theirs: bool) -> None:
    assert covered(rules, **fields) == theirs


def kept(rules: str, raw: bytes) -> dict[str, Any]:
    record = event_record(raw, 32_000)
    assert record.event is not None
    found: dict[str, Any] = json.loads(source(rules).without_address(record, record.event).value)
    return found


@pytest.mark.parametrize(
    ("rules", "address", "left"),
    [
        ("ip: keep", "203.0.113.77", "203.0.113.77"),
        ("ip: cut", "203.0.113.77", "203.0.113.0"),
        ("ip: cut", "2001:db8:1:2:3::4", "2001:db8:1::"),
        ("ip: cut", "the office", None),
        ("ip: cut", 7, None),
        ("ip: cut", ["203.0.113.77"], None),
        ("ip: drop", "203.0.113.77", None),
    ],
)
def test_what_is_kept_of_an_address(rules: str, address: object, left: str | None) -> None:
    found = kept(rules, event(context={"ip": address, "locale": "fr"}, properties={"rate": 1e300}))
    assert found["context"] == {"locale": "fr"} | ({} if left is None else {"ip": left})
    assert found["properties"] == {"rate": 1e300} and found["id"] == "e-1"


def test_a_hash_tells_addresses_apart_and_nothing_else() -> None:
    raw = [event(context={"ip": ip}) for ip in ("203.0.113.77", "203.0.113.77", "203.0.113.78")]
    first, again, other = (kept("ip: hash", one)["context"]["ip"] for one in raw)
    assert first == again != other
    assert len(first) == 32 and int(first, 16)


def test_an_event_with_numbers_out_of_range_and_no_address_survives() -> None:
    raw = b'{"id":"e","type":"page_view","lead_id":"u","properties":{"n":1e400},"context":{"ip":"192.0.2.1"}}'
    record = event_record(raw, 32_000)
    assert record.event is not None
    assert b"192.0.2.1" not in source("ip: drop").without_address(record, record.event).value
    assert kept("ip: drop", event()) == json.loads(event())


def test_dead_letters_keep_no_address_either() -> None:
    raw = (
        b'{"ip":"203.0.113.77","v":"1.2.3","at":"2026-11-01T09:00:00Z","x":"2001:db8::1","y":"::ffff:9"} bro'
    )
    assert source("ip: keep").unaddressed(raw) == raw
    left = source("ip: cut").unaddressed(raw)
    assert b"203.0" not in left and b"2001:db8" not in left
    assert b'"1.2.3"' in left and b"2026-11-01T09:00:00Z" in left


def test_cut_takes_mapped_addresses_for_what_they_are() -> None:
    assert cut("::ffff:203.0.113.77") == "203.0.113.0"
