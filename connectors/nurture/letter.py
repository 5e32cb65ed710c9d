"""Writes a lead's mail: its templates filled in, its links signed, how to unsubscribe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.ingest.link_tokens import Link, LinkError, LinkKeys
from connectors.nurture.errors import LetterError
from connectors.nurture.permission import address_of, may_see_openings
from connectors.nurture.plan import Plan, Sender
from connectors.nurture.row import Outgoing, Row
from connectors.nurture.templates import Addresses, Templates, clean
from scorer.times import Micros

_MOST_HEADER: Final = 950
"""Characters of an address in a header, whose line may have 998 (RFC 5322)."""
_LEAVE: Final = {"fr": "Ne plus recevoir ces messages", "en": "Unsubscribe"}
_PAGE: Final = (
    '<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"></head>\n'
    '<body style="font-family:sans-serif;line-height:1.5;color:#111">\n{body}\n'
    '<p style="font-size:.85em;color:#666">{footer}</p>{pixel}\n</body></html>\n'
)


@dataclass(frozen=True)
class Letter:
    """A mail as it is handed over."""

    message: str
    """What stands before the @ of its Message-ID."""
    lead: str
    campaign: str
    sender: Sender
    to: str
    subject: str
    text: str
    html: str
    at: Micros
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        """The Message-ID: the same for every attempt."""
        return f"<{self.message}@{self.sender.address.rpartition('@')[2]}>"


class Writer:
    """Writes letters: `gateway` is where people reach it, `hash_of` marks an address."""

    def __init__(self, plan: Plan, keys: LinkKeys, gateway: str, hash_of: Callable[[str], str]) -> None:
        self._plan = plan
        self._templates = Templates(plan.mails)
        self._keys = keys
        self._gateway = gateway.rstrip("/")
        self._hash_of = hash_of

    def write(self, row: Row, outgoing: Outgoing) -> Letter:
        """The letter; the same for every attempt while the lead's fields are. LetterError: none can be."""
        traits = row.facts.traits
        to = address_of(traits)
        if to is None or outgoing.mail not in self._plan.mails:
            raise LetterError("no usable address, or no such mail")
        language = self._language(row, outgoing.mail)
        try:
            leave = f"{self._gateway}/m/u/{self._token(row, outgoing, 'leave', about=self._hash_of(to))}"
            answer = f"{self._gateway}/m/n/{self._token(row, outgoing, 'answer')}"
            addresses = Addresses(
                lambda target: f"{self._gateway}/c/{self._token(row, outgoing, 'click', target)}",
                lambda rating: f"{answer}?r={rating}",
            )
            rendered = self._templates.render(outgoing.mail, language, traits, addresses)
            pixel = ""
            if may_see_openings(traits, self._plan.pixel):
                picture = f"{self._gateway}/o/{self._token(row, outgoing, 'open')}.gif"
                pixel = f'<img src="{picture}" width="1" height="1" alt="">'
        except LinkError:
            raise LetterError("a link that can't be signed: an id or an address that is too long") from None
        if len(leave) > _MOST_HEADER:
            raise LetterError("an id that is too long for the header by which people unsubscribe")
        footer = clean(self._plan.sender.footer.get(language, "")) or ""
        page = _PAGE.format(
            language=language,
            body=rendered.html,
            footer=f'{_escaped(footer)}<br><a href="{leave}">{_LEAVE[language]}</a>',
            pixel=pixel,
        )
        return Letter(
            outgoing.message,
            row.lead,
            outgoing.campaign,
            self._plan.sender,
            to,
            rendered.subject,
            f"{rendered.text.rstrip()}\n\n-- \n{footer}\n{_LEAVE[language]} : {leave}\n",
            page,
            Micros(outgoing.at),
            {"List-Unsubscribe": f"<{leave}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        )

    def _language(self, row: Row, mail: str) -> str:
        written = self._templates.languages(mail)
        for name in ("language", "locale", "lang"):
            told = str(row.facts.traits.get(name, ""))[:2].lower()
            if told in written:
                return told
        return self._plan.language if self._plan.language in written else sorted(written)[0]

    def _token(
        self, row: Row, outgoing: Outgoing, kind: str, to: str | None = None, about: str | None = None
    ) -> str:
        campaign = outgoing.campaign if outgoing.kind == "survey" else f"{outgoing.campaign}/{outgoing.step}"
        link = Link(
            kind,  # type: ignore[arg-type]  # one of its literals
            row.lead,
            campaign,
            outgoing.message,
            to,
            sent=Micros(outgoing.at),
            about=about,
        )
        return self._keys.sign(link)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
