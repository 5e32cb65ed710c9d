"""The sources file: what it may say, all that is wrong at once, and how its keys come and go."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from connectors.ingest.config import GatewayConfig
from connectors.ingest.errors import ConfigError, RefusedError
from connectors.ingest.limits import Rate
from connectors.ingest.source import PUBLIC_RIGHTS, RIGHTS, Source
from connectors.ingest.source_reader import Surroundings, parse_sources
from connectors.ingest.sources import Sources
from scorer.times import Micros

HERE = Surroundings({"WEBSITE_KEY": "wk_live_of_the_site\n"}, b"a secret")


def read(text: str) -> list[Source]:
    return parse_sources(text, "sources.yml", HERE)[0]


def config(path: Path | None, *write_keys: str, **more: Any) -> GatewayConfig:
    return GatewayConfig("127.0.0.1:1", "leadheat", write_keys, lambda: Micros(0), sources=path, **more)


def test_a_source_is_known_by_its_name_also_one_that_only_links_name(tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("mailings: {keys: [], ip: cut}\n")
    sources = Sources(config(path, "secret"))
    mailings = sources.named("mailings")
    assert mailings is not None and mailings.address is not None
    assert sources.named("write keys") is sources.named("") is None
    path.write_text("letters: {keys: []}\n")
    sources.look()
    assert sources.named("mailings") is None and sources.named("letters") is not None


def test_a_whole_source(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("wk_live_in_a_file\n")
    digest = hashlib.sha256(b"wk_live_by_digest").hexdigest()
    path = tmp_path / "sources.yml"
    path.write_text(f"""
website:
  keys: [{{env: WEBSITE_KEY}}, {{file: key}}, "sha256:{digest}", wk_live_in_clear]
  ids: {{snowplow: [shop], matomo: 1}}
  protocols: [segment, events]
  origins: [https://www.acme.example, "http://localhost:3000"]
  types: [page_view, nps]
  rate: {{events: 100, burst: 500}}
  lead_rate: 2
  ip: cut
  exclude:
    networks: [203.0.113.0/24, 2001:db8::/32]
    email_domains: ["@acme.example"]
    users: [u-boss, 7]
    hosts: ["*.staging.acme.example"]
    internal: true
  mapping: {{events: {{Page Engaged: page_time}}}}
crm:
  keys: [wk_live_of_the_crm]
""")
    sources = Sources(config(path, environment=HERE.environment))
    for key in ("wk_live_of_the_site", "wk_live_in_a_file", "wk_live_by_digest", "wk_live_in_clear"):
        _, website = sources.admit("segment", key)
        assert website.name == "website"
        with pytest.raises(RefusedError) as refused:
            sources.admit("matomo", key)
        assert refused.value.status == 403
    assert sources.admit("matomo", "1")[1] is sources.admit("snowplow", "shop")[1] is website
    assert sources.admit("matomo", "wk_live_of_the_crm")[1].name == "crm"
    assert website.public and website.rights == PUBLIC_RIGHTS
    assert website.types == {"page_view", "nps"}
    assert (website.rate, website.lead_rate) == (Rate(100, 500), Rate(2, 2))
    assert website.mapping is not None and website.mapping.events == {"page_engaged": "page_time"}
    assert "wk_live" not in repr(vars(sources)) and digest not in repr(vars(sources))


def test_what_a_source_may_by_default() -> None:
    found = read("""
server: {keys: [wk_live_server]}
page: {keys: [wk_live_page], origins: [https://acme.example]}
shown: {keys: [wk_live_shown], public: true}
shop: {ids: {snowplow: shop}}
trusting: {ids: {snowplow: trusting}, may: [alias, outcome]}
""")
    rights = {one.name: one.rights for one in found}
    assert rights == {
        "server": RIGHTS,
        "page": PUBLIC_RIGHTS,
        "shown": PUBLIC_RIGHTS,
        "shop": PUBLIC_RIGHTS,
        "trusting": {"alias", "outcome"},
    }


def test_all_that_is_wrong_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        read("""website:
  keys: [short, {env: NOWHERE}, {file: nowhere}, sha256:12, 7]
  ids: {smoke: signals, segment: "*"}
  protocols: [segmnt]
  public: 1
  may: [outcomes]
  types: [Page View, outcome]
  origins: [https://acme.example/, "null", "*", "https://Acme.example"]
  rate: {events: 0}
  lead_rate: fast
  ip: most
  exclude: {networks: [203.0.113.7/24], email_domains: [acme], hosts: ["http://a"], usrs: []}
  mapping: {events: {Page: "Page View"}}
  colour: red
empty: {}
one: {keys: [wk_live_twice]}
two: {keys: [wk_live_twice]}
""")
    told = str(wrong.value)
    lines = told.splitlines()
    assert all(line.startswith("sources.yml:") for line in lines)
    found = [line.split(": ")[0].rpartition(":")[2] + " " + line.split(": ")[1] for line in lines]
    assert found == [
        *("2 website.keys[0]", "2 website.keys[1].env", "2 website.keys[2].file", "2 website.keys[3]"),
        *("2 website.keys[4]", "3 website.ids.segment[0]", "3 website.ids.smoke", "4 website.protocols[0]"),
        *("5 website.public", "6 website.may[0]", "7 website.types[0]", "7 website.types[1]"),
        *(f"8 website.origins[{place}]" for place in range(4)),
        *("9 website.rate.events", "10 website.lead_rate.events", "11 website.ip"),
        *("12 website.exclude.email_domains[0]", "12 website.exclude.hosts[0]"),
        *("12 website.exclude.networks[0]", "12 website.exclude.usrs", "13 website.mapping"),
        *("14 website.colour", "15 empty", "17 two.keys"),
    ]
    assert (
        "did you mean segment?" in told and "did you mean outcome?" in told and "did you mean users?" in told
    )
    assert "short" not in told and "wk_live" not in told
    assert all("expected" in line or "did you mean" in line for line in lines)


@pytest.mark.parametrize("text", ["", "[]", "website", "website: [", "website: {keys: [{env: A, file: b}]}"])
def test_what_is_no_file_of_sources(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^sources.yml:1: .*(expected|no valid YAML)"):
        read(text)


def test_hashing_needs_its_secret() -> None:
    with pytest.raises(ConfigError, match="LEADHEAT_ADDRESS_KEY"):
        parse_sources("a: {keys: [wk_live_key], ip: hash}", "sources.yml", Surroundings())


def write(path: Path, text: str) -> None:
    """As an editor does: another file in its place."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_keys_come_and_go_while_the_gateway_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "sources.yml"
    write(path, "site: {keys: [wk_live_old]}")
    sources = Sources(config(path, "flat"))
    write(path, "site: {keys: [wk_live_old, wk_live_new]}")
    sources.look()
    assert sources.admit("events", "wk_live_old")[1].name == sources.admit("events", "wk_live_new")[1].name
    write(path, "site: {keys: [wk_live_new, oops]}")
    sources.look()
    sources.look()
    told = [one for one in caplog.messages if "site.keys[1]" in one]
    assert len(told) == 1 and "stay in force" in told[0]
    assert sources.admit("events", "wk_live_old")[1].name == "site"
    write(path, "site: {keys: [wk_live_new]}")
    sources.look()
    with pytest.raises(RefusedError) as refused:
        sources.admit("events", "wk_live_old")
    assert refused.value.status == 401
    assert sources.admit("events", "wk_live_new")[1].name == "site"
    assert sources.admit("events", "flat")[1].name == "write keys"


def test_a_key_in_a_file_of_its_own_is_read_again(tmp_path: Path) -> None:
    path, key = tmp_path / "sources.yml", tmp_path / "key"
    write(key, "wk_live_old")
    write(path, "site: {keys: [{file: key}]}")
    sources = Sources(config(path))
    write(key, "x")
    sources.look()
    assert sources.admit("events", "wk_live_old")[1].name == "site"
    write(key, "wk_live_new")
    sources.look()
    assert sources.admit("events", "wk_live_new")[1].name == "site"
    with pytest.raises(RefusedError):
        sources.admit("events", "wk_live_old")


def test_origins() -> None:
    site, other = "https://www.acme.example", "https://other.example"
    website, server, closed = read(f"""
website: {{keys: [wk_live_site], origins: ["{site}"]}}
server: {{keys: [wk_live_server]}}
closed: {{keys: [wk_live_closed], origins: []}}
""")
    sources = Sources(config(None, "flat"))
    for origin in (f"{site}.evil.example", "https://evil-www.acme.example", "null", site.upper(), other, ""):
        assert not sources.allows_origin(origin, website)
    assert sources.allows_origin(site, website)
    assert sources.allows_origin(other, server)
    assert not sources.allows_origin("null", server)
    assert not sources.allows_origin(site, closed)


def test_flat_public_ids_send_no_outcome_and_signed_webhooks_all() -> None:
    sources = Sources(config(None, "secret", "segment:wk_page", "webhook:hubspot"))
    assert sources.admit("segment", "secret")[1].rights == RIGHTS
    assert sources.admit("segment", "wk_page")[1].rights == {"identify", "alias"}
    assert sources.admit("webhook", "hubspot")[1].rights == RIGHTS


def test_a_named_source_goes_before_the_setting_and_a_name_before_any(tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("""
every: {ids: {matomo: "*"}}
shop: {keys: [wk_live_shop], ids: {matomo: "1"}}
""")
    sources = Sources(config(path, "wk_live_shop", "matomo:*", "snowplow:*"))
    found = {
        (protocol, key): sources.admit(protocol, key)[1].name
        for protocol, key in (("events", "wk_live_shop"), ("matomo", "1"), ("matomo", "2"), ("snowplow", "x"))
    }
    assert list(found.values()) == ["shop", "shop", "every", "write keys"]
