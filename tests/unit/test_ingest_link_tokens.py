"""Tokens of links: what can be signed, what is refused."""

import base64
import hmac

import msgspec
import pytest

from connectors.ingest.errors import ConfigError
from connectors.ingest.link_tokens import Link, LinkError, LinkKeys, encoded, require_target
from scorer.times import Micros

OLD, NEW = "the key of last year", "the key of this year"
CLICK = Link(
    "click", "u-42", "demo", "m-7", "https://acme.example/démo".replace("é", "%C3%A9") + "?a=1&b=%20#x"
)


def test_every_field_comes_back() -> None:
    keys = LinkKeys([NEW])
    more = (Link("open", "u-42", source="mailings"), msgspec.structs.replace(CLICK, honeypot=True))
    for link in (CLICK, Link("open", "u-42"), Link("tie", "Zoé@acme.example", until=Micros(5)), *more):
        token = keys.sign(link)
        assert keys.read(link.kind, token) == link
        assert token.isascii()
        assert not set(token) & set("+/=.%")


def test_links_that_were_sent_before_there_were_sources_stay_good() -> None:
    click = "l6VjbGlja6R1LTQypGRlbW-jbS03tWh0dHBzOi8vYWNtZS5leGFtcGxlL8PACz8oat0mqZqws3eVcF-uLQ"
    opened = "l6RvcGVupHUtNDLAwMDCwLomj8BRsxwQS5TGZccekMA"
    keys = LinkKeys([NEW])
    assert keys.read("click", click) == Link("click", "u-42", "demo", "m-7", "https://acme.example/", True)
    assert keys.read("open", opened) == Link("open", "u-42")


def test_a_token_is_good_for_its_own_kind_only() -> None:
    keys = LinkKeys([NEW])
    assert keys.read("open", keys.sign(CLICK)) is None
    assert keys.read("click", keys.sign(Link("open", "u-42"))) is None
    assert keys.tied(keys.sign(CLICK), Micros(0)) is None


def test_keys_are_changed_without_breaking_links_that_were_sent() -> None:
    sent = LinkKeys([OLD]).sign(CLICK)
    both = LinkKeys([NEW, OLD])
    assert both.read("click", sent) == CLICK
    assert LinkKeys([NEW]).read("click", both.sign(CLICK)) == CLICK
    assert LinkKeys([NEW]).read("click", sent) is None


def test_without_a_key_nothing_is_signed_or_read() -> None:
    with pytest.raises(ConfigError, match="LEADHEAT_LINK_KEY is not set"):
        LinkKeys().sign(CLICK)
    assert LinkKeys().read("click", LinkKeys([NEW]).sign(CLICK)) is None


def test_a_short_key_is_refused_by_its_place_not_by_its_text() -> None:
    with pytest.raises(ConfigError, match="key 2 is shorter") as refused:
        LinkKeys([NEW, "s3cret"])
    assert "s3cret" not in str(refused.value)


def test_a_tie_ends() -> None:
    keys = LinkKeys([NEW])
    token = keys.sign(Link("tie", "u-42", until=Micros(1_000)))
    assert keys.tied(token, Micros(1_000)) == "u-42"
    assert keys.tied(token, Micros(1_001)) is None
    assert keys.tied(keys.sign(Link("tie", "u-42")), Micros(0)) is None


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.example",
        "http://acme.example:8080/a/b?c=d#e",
        "HTTPS://ACME.example/",
        "https://acme.example/?next=https://other.example/@x",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
    ],
)
def test_targets_that_can_be_signed(address: str) -> None:
    require_target(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://acme.example",
        "data:text/html,x",
        "file:///etc/passwd",
        "mailto:a@b.example",
        "//acme.example/",
        "/local",
        "http:/acme.example",
        "https:acme.example",
        "https:///acme.example",
        "https://",
        "https://:443/",
        "https://acme.example:0/",
        "https://acme.example:99999/",
        "https://acme.example@evil.example/",
        "https://user:word@acme.example/",
        "https://acme.example\\@evil.example/",
        "https://acme.example/\r\nSet-Cookie: a=b",
        "https://acme.example/ b",
        " https://acme.example/",
        "https://acme.example/é",
        "https://acmé.example/",
        "https://acme.example/\x00",
        "https://[::1/",
        "\thttps://acme.example/",
    ],
)
def test_targets_that_cannot(address: str) -> None:
    with pytest.raises(LinkError):
        require_target(address)
    with pytest.raises(LinkError):
        LinkKeys([NEW]).sign(Link("click", "u-42", to=address))


@pytest.mark.parametrize(
    "link",
    [
        Link("click", "u-42"),
        Link("open", "u-42", to="https://acme.example/"),
        Link("open", ""),
        Link("open", "undefined"),
        Link("open", "x" * 501),
        Link("open", "u-42", campaign="x" * 501),
        Link("open", "u-42", source="x" * 501),
        Link("open", "u-42", honeypot=True),
        msgspec.structs.replace(CLICK, honeypot=True, ties=True),
        Link("open", "\ud800"),
        Link("click", "u-42", to="https://acme.example/" + "x" * 3_000),
    ],
)
def test_links_that_cannot_be_made(link: Link) -> None:
    with pytest.raises(LinkError):
        LinkKeys([NEW]).sign(link)


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 22, "é" * 40, "a b", "=" * 40, "A" * 100_000, "-" * 41, "\ud800"]
)
def test_what_is_no_token_says_nothing(token: str) -> None:
    assert LinkKeys([NEW]).read("click", token) is None


def test_one_spelling_only() -> None:
    keys = LinkKeys([NEW])
    token = keys.sign(CLICK)
    packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for other in (
        token + "=",
        token + "==",
        token + "A",
        " " + token,
        token + "\n",
        base64.b64encode(packed).decode(),
    ):
        assert other == token or keys.read("click", other) is None


def test_what_our_key_signed_for_another_purpose_is_refused() -> None:
    """As another program with the same secret might: the signature fits, what it says does not."""
    good = ["click", "u-1", None, None, "https://acme.example/", False, None]
    for said, read in (
        (good, True),
        ([*good[:4], "javascript:x", False, None], False),
        ([*good[:4], None, False, None], False),
        (["click", "guest", *good[2:]], False),
        (["click"], False),
        ({"to": 1}, False),
        (7, False),
    ):
        payload = msgspec.msgpack.encode(said)
        mac = hmac.digest(NEW.encode(), b"leadheat-link/1\0" + payload, "sha256")[:16]
        token = base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode()
        assert (LinkKeys([NEW]).read("click", token) is not None) == read


def test_addresses_as_people_write_them() -> None:
    assert encoded(" https://acme.example/démo du jour ") == "https://acme.example/d%C3%A9mo%20du%20jour"
    assert encoded("https://acme.example/a%20b?c=%2F&d=[1]") == "https://acme.example/a%20b?c=%2F&d=[1]"
