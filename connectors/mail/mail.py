"""A mail, as whoever carries it sees it."""

from collections.abc import Mapping
from typing import Protocol

from scorer.times import Micros


class From(Protocol):
    """Whom a mail is from."""

    @property
    def address(self) -> str:
        """Its address, which bounces come back to."""

    @property
    def name(self) -> str:
        """What people read; "": the address."""

    @property
    def reply_to(self) -> str | None:
        """Where answers go, if not there."""


class Mail(Protocol):
    """A mail: text, the same as HTML, and headers of its own."""

    @property
    def sender(self) -> From:
        """Whom it is from."""

    @property
    def to(self) -> str:
        """The one address that it goes to."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """For those who read no HTML."""

    @property
    def html(self) -> str:
        """A page."""

    @property
    def at(self) -> Micros:
        """When it was written."""

    @property
    def message_id(self) -> str:
        """The Message-ID: the same for every attempt."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of its own."""
