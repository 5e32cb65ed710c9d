"""Renders mails for a lead, whose fields stay text: they never become markup, a link or a header."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import ChainableUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from markupsafe import Markup

from connectors.ingest.link_tokens import LinkError, encoded, require_target
from connectors.nurture.errors import LetterError
from connectors.nurture.plan import Mail

SCALE: Final = "scale"
"""What the template of a survey's mail calls the question's answers."""
_MOST: Final = 200
"""Characters of a field; a form's may hold a novel."""
_MARK: Final = re.compile("\ue000([0-9]+)\ue001")
_SCALE_PLACE: Final = 0
_ADDRESS: Final = re.compile(r"://|\bwww\.", re.IGNORECASE)
_LINK_STYLE: Final = "color:#0b57d0"
_ANSWER_STYLE: Final = (
    "display:inline-block;min-width:1.6em;padding:.5em .2em;margin:.15em;border:1px solid #888;"
    "border-radius:4px;text-align:center;text-decoration:none;color:#111"
)


@dataclass(frozen=True)
class Addresses:
    """Where a mail's links lead: made by whoever knows the keys."""

    click: Callable[[str], str]
    """The tracked address of a target."""
    answer: Callable[[int], str]
    """That of a survey's answer."""


@dataclass(frozen=True)
class Rendered:
    """A mail's parts for one lead."""

    subject: str
    text: str
    html: str


class Templates:
    """The templates of all mails, compiled."""

    def __init__(self, mails: Mapping[str, Mail]) -> None:
        self._plain = _environment(autoescape=False)
        self._markup = _environment(autoescape=True)
        self._mails = mails
        self._ready: dict[tuple[bool, str], Template] = {}

    @staticmethod
    def problems(mail: Mail) -> Iterator[tuple[str, str, str]]:
        """What is wrong with a mail's templates: part, language, and what would be right."""
        templates = Templates({mail.id: mail})
        nowhere = Addresses(lambda to: "https://x.example/", lambda rating: "https://x.example/")
        for part in ("subject", "text", "html"):
            for language, source in getattr(mail, part).items():
                try:
                    templates._part(part, source, {}, _Marks(nowhere))
                except LetterError as error:
                    yield part, language, str(error)

    def languages(self, mail: str) -> frozenset[str]:
        """The languages that a mail is written in."""
        return frozenset(self._mails[mail].subject)

    def render(self, mail: str, language: str, traits: Mapping[str, Any], addresses: Addresses) -> Rendered:
        """A mail's parts; LetterError where they can't be made for this lead."""
        found = self._mails[mail]
        lead = {name: cleaned for name, value in traits.items() if (cleaned := clean(value)) is not None}
        marks = _Marks(addresses)
        subject = clean(self._part("subject", found.subject[language], lead, marks))
        text = self._part("text", found.text[language], lead, marks)
        own = found.html.get(language)
        if own is not None:
            made = marks.in_markup(self._part("html", own, lead, marks), whole=False)
        else:
            made = marks.in_markup(_paragraphs(text), whole=True)
        return Rendered(_MARK.sub("", str(subject or "")), marks.in_text(text), made)

    def _part(self, part: str, source: str, lead: Mapping[str, Any], marks: "_Marks") -> str:
        try:
            return self._compiled(part, source).render(
                lead=_tree(lead), link=marks.link, **{SCALE: marks.scale()}
            )
        except (TemplateError, LinkError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            line = getattr(error, "lineno", None)
            where = f"line {line}: " if line else ""
            raise LetterError(f"no template that works: {where}{_said(error)}") from None

    def _compiled(self, part: str, source: str) -> Template:
        environment = self._markup if part == "html" else self._plain
        key = (environment.autoescape is True, source)
        if key not in self._ready:
            self._ready[key] = environment.from_string(source)
        return self._ready[key]


class _Marks:
    """Stands in for a mail's links until what the lead's fields say can't become one any more."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._links: list[tuple[str, str | None]] = []

    def link(self, to: str, label: str | None = None) -> Markup:
        """Called by templates: a tracked link, with the words that it is shown as."""
        target = encoded(str(to))
        require_target(target)
        self._links.append((self._addresses.click(target), None if label is None else clean(label)))
        return self._mark(len(self._links))

    def scale(self) -> Markup:
        """The answers of a survey."""
        return self._mark(_SCALE_PLACE)

    def _mark(self, place: int) -> Markup:
        return Markup(f"\ue000{place}\ue001")  # noqa: S704 (digits)

    def in_text(self, text: str) -> str:
        """The text with links as people read them."""

        def shown(found: re.Match[str]) -> str:
            place = int(found[1])
            if place == _SCALE_PLACE:
                return "\n".join(f"{rating:>2} : {self._addresses.answer(rating)}" for rating in range(11))
            address, label = self._links[place - 1]
            return address if label is None else f"{label} : {address}"

        return _MARK.sub(shown, text)

    def in_markup(self, markup: str, *, whole: bool) -> str:
        """The same for HTML; `whole`: as an anchor, else as the address that stands in one."""

        def shown(found: re.Match[str]) -> str:
            place = int(found[1])
            if place == _SCALE_PLACE:
                return "".join(_answer(self._addresses.answer(rating), rating) for rating in range(11))
            address, label = self._links[place - 1]
            if not whole:
                return html.escape(address)
            return (
                f'<a href="{html.escape(address)}" style="{_LINK_STYLE}">{html.escape(label or address)}</a>'
            )

        return _MARK.sub(shown, markup)


def clean(value: object) -> str | None:
    """A field as one short line of text, without what could pass for more; None where nothing is left.

    >>> clean("Ada\\r\\nBcc: x@y.example"), clean("win at https://evil.example"), clean(""), clean(12)
    ('Ada Bcc: x@y.example', None, None, '12')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in str(value))
    line = " ".join(kept.split())
    if not line or (isinstance(value, str) and not isinstance(value, Markup) and _ADDRESS.search(line)):
        return None
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"


def _environment(*, autoescape: bool) -> SandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        autoescape=autoescape, undefined=ChainableUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()  # no range(10**9) and the like
    return made


def _tree(lead: Mapping[str, Any]) -> dict[str, Any]:
    """Traits as templates reach them: `lead.consent.email` for the trait `consent.email`."""
    found: dict[str, Any] = {name: value for name, value in lead.items() if "." not in name}
    for name, value in lead.items():
        first, _, rest = name.partition(".")
        if rest:
            inner = found.setdefault(first, {})
            if isinstance(inner, dict):
                inner[rest] = value
    return found


def _paragraphs(text: str) -> str:
    blocks = re.split(r"\n\s*\n", text.strip())
    made = (html.escape(block.strip()).replace("\n", "<br>\n") for block in blocks)
    return "\n".join(f"<p>{block}</p>" for block in made)


def _answer(address: str, rating: int) -> str:
    return f'<a href="{html.escape(address)}" style="{_ANSWER_STYLE}">{rating}</a>'


def _said(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
