"""Links by which a salesperson answers an alert from where it was read: who asks, about what, until when."""

from collections.abc import Iterable
from typing import Final

import msgspec

from connectors.signed import Signer
from scorer.times import DAY, Micros

PATH: Final = "/answer"
SAY: Final = "say"
"""The parameter that names the answer; a page asks before it counts, since scanners follow links too."""
LASTS_US: Final = 30 * DAY
CHOICES: Final = ("accepted", "rejected", "wrong")
"""What may be said of an alert; `rejected`: not ready yet."""


class AnswerLink(msgspec.Struct, frozen=True, array_like=True):
    """What a link says."""

    alert: str
    lead: str
    by: str
    """Who was asked: a person of the team, or a channel."""
    until: Micros


class AnswerLinks:
    """Makes and reads them.

    >>> links = AnswerLinks(["a key of 16 or more"])
    >>> token = links.sign(AnswerLink("5f…", "u-42", "claire", Micros(2_000_000)))
    >>> links.read(token, Micros(1_000_000)).by, links.read(token, Micros(3_000_000))
    ('claire', None)
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._signer = Signer(keys, "answer/1")

    def __bool__(self) -> bool:
        return bool(self._signer)

    def sign(self, link: AnswerLink) -> str:
        """The token of a link."""
        return self._signer.sign(msgspec.msgpack.encode(link))

    def read(self, token: str, now: Micros) -> AnswerLink | None:
        """What a token says; None: it is none of ours, or not good any more."""
        payload = self._signer.read(token)
        if payload is None:
            return None
        try:
            link = _decoder.decode(payload)
        except msgspec.DecodeError:
            return None  # signed with our key by something else
        return link if now <= link.until else None

    def addresses(self, board_url: str, link: AnswerLink) -> dict[str, str]:
        """For each choice, the address of the page that asks to confirm it."""
        base = f"{board_url.rstrip('/')}{PATH}/{self.sign(link)}"
        return {choice: f"{base}?{SAY}={choice}" for choice in CHOICES}


_decoder: Final = msgspec.msgpack.Decoder(AnswerLink)
