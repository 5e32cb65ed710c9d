"""Makes and reads the tokens in the links of e-mails: what a link says, signed.

What is signed is a MessagePack list (`connectors/signed.py`); what no link may say, none is made of.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

import msgspec

from connectors.ingest.errors import ConfigError
from connectors.signed import MOST_TOKEN, KeyTooShortError, Signer
from scorer.ids import somebody
from scorer.times import Micros

_ADDRESS: Final = re.compile(r"[!-~]+\Z")
_AS_IT_STANDS: Final = "!#$%&'()*+,/:;=?@[]~"

_Text = Annotated[str, msgspec.Meta(max_length=500)]


class Link(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    kind: Literal["open", "click", "tie", "leave", "answer"]
    """The last two: the page to unsubscribe at, and that of a survey's answer."""
    lead: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    campaign: _Text | None = None
    message: _Text | None = None
    """The provider's or sender's id of the message."""
    to: str | None = None
    """Where a click leads."""
    ties: bool = False
    """Whether a click says to the site's script whose it was."""
    until: Micros | None = None
    """The end of a `tie`."""
    source: _Text | None = None
    """Of the sources file: its rules hold for what the link tells. The first links' tokens end before it."""
    honeypot: bool = False
    """Whether nobody sees it, so that only a robot follows it."""
    sent: Micros | None = None
    """When the mail was handed over, as far as whoever made the link knew."""
    about: _Text | None = None
    """Of `leave`: a hash of the address that gets no mail any more."""


class LinkError(ValueError):
    """What no link can be made of; the text says what would be right."""


class LinkKeys:
    """The keys of links: the first signs, all of them are good for reading. Without any, no token is good.

    >>> keys = LinkKeys(["a key of 16 or more"])
    >>> token = keys.sign(Link("click", "u-42", "demo", to="https://acme.example/demo"))
    >>> keys.read("click", token).to
    'https://acme.example/demo'
    >>> keys.read("open", token) is LinkKeys(["some other, later key"]).read("click", token) is None
    True
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        try:
            self._signer = Signer(keys, "link/1")
        except KeyTooShortError as error:
            raise ConfigError(f"LEADHEAT_LINK_KEY: {error}") from None

    def sign(self, link: Link) -> str:
        """The token of a link; raises LinkError where it says what none may, ConfigError without a key."""
        if not self._signer:
            raise ConfigError("LEADHEAT_LINK_KEY is not set: it signs links, so that nobody else makes any")
        _require_sense(link)
        try:
            payload = msgspec.msgpack.encode(link)
        except UnicodeEncodeError:
            raise LinkError("a lead, campaign or message that is no text") from None
        token = self._signer.sign(payload)
        if len(token) > MOST_TOKEN or self.read(link.kind, token) != link:
            raise LinkError(f"too long for a link: expected at most {MOST_TOKEN} characters in all")
        return token

    def read(self, kind: str, token: str) -> Link | None:
        """What a token of this kind says; None: it is not ours, or of another kind."""
        payload = self._signer.read(token)
        if payload is None:
            return None
        try:
            link = _link.decode(payload)
            _require_sense(link)
        except (msgspec.DecodeError, UnicodeDecodeError, LinkError):
            return None  # signed with our key by something else
        return link if link.kind == kind else None

    def tied(self, token: str, at: Micros) -> str | None:
        """The lead that a click was, told to the site's script; None where that can't be told (any more)."""
        link = self.read("tie", token)
        return link.lead if link is not None and link.until is not None and at <= link.until else None


_link: Final = msgspec.msgpack.Decoder(Link)


def _require_sense(link: Link) -> None:
    if somebody(link.lead) is None:
        raise LinkError(f"lead {link.lead!r} is nobody: expected the id of a lead")
    if (link.kind == "click") != (link.to is not None):
        raise LinkError("a click needs a target, and only a click has one")
    if link.honeypot and (link.kind != "click" or link.ties):
        raise LinkError("a honeypot is a click that ties nobody's browser")
    if link.to is not None:
        require_target(link.to)


def require_target(address: str) -> None:
    """Raises LinkError unless a browser can only take the address as a whole http or https one.

    >>> require_target("javascript:alert(1)")
    Traceback (most recent call last):
    connectors.ingest.link_tokens.LinkError: target 'javascript:alert(1)': expected an http or https address
    """
    try:
        parts = urlsplit(address)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit = False
    if not fit or not address.lower().startswith(f"{parts.scheme}://") or "\\" in address:
        raise LinkError(f"target {address[:80]!r}: expected an http or https address")
    if not _ADDRESS.match(address):
        raise LinkError(f"target {address[:80]!r}: expected no blanks and no letters beyond ASCII unencoded")
    if "@" in parts.netloc:
        raise LinkError("target: expected no user name and no password before the host")


def encoded(address: str) -> str:
    """The address with what is beyond ASCII, and blanks, percent-encoded.

    >>> encoded("https://acme.example/démo du jour?q=100%25")
    'https://acme.example/d%C3%A9mo%20du%20jour?q=100%25'
    """
    return quote(address.strip(), safe=_AS_IT_STANDS)
