"""Who carries mails: one small interface, with an SMTP server or a mail provider's API behind it."""

from typing import Protocol

from connectors.nurture.letter import Letter


class Carrier(Protocol):
    """Hands over letters, several at once."""

    async def send(self, letter: Letter) -> None:
        """Returns once the letter was taken; LaterError, RefusedError or BouncedError where it was not."""

    async def close(self) -> None:
        """Hangs up."""
