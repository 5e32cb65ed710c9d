"""Templates: whatever a lead's fields say stays text, in headers, text and HTML."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.ingest.link_tokens import LinkKeys
from connectors.mail.mime import bytes_of, message_of
from connectors.nurture.errors import LetterError
from connectors.nurture.letter import Letter, Writer
from connectors.nurture.row import Facts, Outgoing, Row
from tests.nurture_world import LINK_KEY, MONDAY, plan

FIELDS = ("first_name", "last_name", "title", "company", "phone", "city", "industry", "country", "language")
ATTEMPTS = (
    "=?utf-8?q?x=0d=0aBcc:_evil@evil.example?=",
    "Ada\r\nBcc: victim@evil.example",
    "Ada\nSubject: other\n\nbody",
    "Ada\x00\x0b\x85\u2028\u2029Bcc: v@evil.example",
    "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">',
    "[click](https://evil.example)",
    "win at https://evil.example/now",
    "www.evil.example",
    "\ue0001\ue001\ue0000\ue001",
    "=?utf-8?q?Bcc=3A_v=40evil.example?=",
    "\u202eelpmaxe.live",
    "x" * 5_000,
    "&amp;<b>\udcff".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
)
PLAN = plan(
    """
nurturing: test
sender: {address: claire@acme.example, footer: Acme}
mails:
  all:
    subject: "S ENDS %s"
    text: "T {{ link('https://acme.example/', lead.first_name) }} %s"
  own:
    subject: S
    text: T
    html: "<p>%s <a href=\\"{{ link('https://acme.example/') }}\\">x</a></p>"
sequences: {one: {steps: [{mail: all}]}}
""".replace("%s", " ".join(f"{{{{ lead.{name} }}}}" for name in FIELDS))
)
WRITER = Writer(PLAN, LinkKeys([LINK_KEY]), "https://go.acme.example", lambda address: "hash")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


def _letter(traits: dict[str, Any], mail: str = "all") -> Letter:
    row = Row("u-1", Facts(MONDAY, "warm", 1.0, {"email": "u-1@u-1.example", **traits}))
    return WRITER.write(row, Outgoing("m" * 32, "sequence", "one", "all", mail, MONDAY, MONDAY))


def _harmless(traits: dict[str, Any]) -> None:
    plain = message_of(_letter({}))
    for mail in ("all", "own"):
        letter = _letter(traits, mail)
        message = message_of(letter)
        raw = bytes_of(letter)
        head = raw.partition(b"\r\n\r\n")[0]
        assert sorted(message.keys()) == sorted(plain.keys())
        names = [
            line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))
        ]
        assert len(names) == len(plain.keys()) + len(letter.headers)
        assert message["To"] == "u-1@u-1.example"
        page = _Page()
        page.feed(letter.html)
        assert set(page.tags) <= {"html", "head", "meta", "body", "p", "a", "br"}
        assert all(one.startswith("https://go.acme.example/") for one in page.addresses)
        assert "://evil" not in letter.text
        assert "www.evil" not in letter.text


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"attempt-{n}" for n in range(len(ATTEMPTS))])
@pytest.mark.parametrize("name", FIELDS)
def test_no_field_becomes_more_than_text(name: str, attempt: str) -> None:
    _harmless({name: attempt})


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(FIELDS), st.text() | st.integers() | st.booleans(), max_size=9))
def test_nor_does_any_other_text(traits: dict[str, Any]) -> None:
    _harmless(traits)


def test_a_lead_whose_id_no_link_can_hold_gets_no_mail() -> None:
    row = Row("x" * 4_000, Facts(MONDAY, "warm", 1.0, {"email": "u-1@u-1.example"}))
    with pytest.raises(LetterError):
        WRITER.write(row, Outgoing("m", "sequence", "one", "all", "all", MONDAY, MONDAY))


def test_the_letter_is_the_same_for_every_attempt() -> None:
    assert _letter({"first_name": "Ada"}) == _letter({"first_name": "Ada"})
