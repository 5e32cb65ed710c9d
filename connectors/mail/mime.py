"""A letter as the message that mail servers pass on."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.mail.mail import Mail
from scorer.times import SECOND


def bytes_of(letter: Mail) -> bytes:
    """The message, with the letter's own headers before the others.

    They are addresses, which Python would break into encoded words where they are long: nobody reads those.
    """
    own = "".join(f"{name}: {value}\r\n" for name, value in letter.headers.items())
    return own.encode("ascii") + message_of(letter).as_bytes()


def _undecoded(text: str) -> str:
    """Text for a header, without encoded words (RFC 2047).

    Python decodes those of what it is given, line breaks in them too: so a lead's name could add headers.
    """
    return text.replace("=?", "=\u2060?")


def message_of(letter: Mail) -> EmailMessage:
    """The message: text, and the same as HTML. Python's own policy refuses line breaks in headers."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(letter.sender.name, addr_spec=letter.sender.address)
    message["To"] = Address(addr_spec=letter.to)
    if letter.sender.reply_to:
        message["Reply-To"] = Address(addr_spec=letter.sender.reply_to)
    message["Subject"] = _undecoded(letter.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.at // SECOND, UTC))
    message["Message-ID"] = letter.message_id
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message
