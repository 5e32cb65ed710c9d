"""Hands mails to an SMTP server, over a few connections that are kept open."""

import asyncio
import functools
import re
import ssl
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import aiosmtplib

from connectors.mail.errors import BouncedError, LaterError, MailError, RefusedError
from connectors.mail.mail import Mail
from connectors.mail.mime import bytes_of

_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_ENHANCED: Final = re.compile(r"\s*5\.([0-9]{1,3})\.([0-9]{1,3})\b")
_QUIT_WITHIN_S: Final = 2.0
_NO_FAULT_OF_THE_ADDRESS: Final = ("2.2", "2.3", "3", "4", "5", "6", "7")
"""Subjects of an enhanced status (RFC 3463) by which a recipient is refused though there is one: mailbox
full, message too long, the system, routing, protocol, content, policy."""


@dataclass(frozen=True)
class SmtpAccess:
    """Where the server is, and as whom we come."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    """A file of certificates to trust instead of the system's."""

    @classmethod
    def read(cls, url: str, password: str | None = None) -> "SmtpAccess":
        """What a URL says; MailError where it is none, without repeating it: it may hold a password.

        >>> SmtpAccess.read("smtp://leadheat@mail.acme.example", "secret").port
        587
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise MailError(
                "LEADHEAT_SMTP is no address of a mail server: expected smtp://USER@HOST:587 (STARTTLS), "
                "smtps://USER@HOST:465 (TLS), or smtp+plain://HOST:25 for one on a network of your own"
            )
        security: Literal["starttls", "tls", "none"] = (
            "tls" if parts.scheme == "smtps" else "none" if parts.scheme == "smtp+plain" else "starttls"
        )
        own = unquote(parts.password) if parts.password else None
        username = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], security, username, password or own)


class SmtpCarrier:
    """Connections are opened when they are wanted, and given up where anything is in doubt."""

    def __init__(self, access: SmtpAccess, connections: int = 4, timeout_s: float = 30.0) -> None:
        self._access = access
        self._timeout_s = timeout_s
        self._free: asyncio.LifoQueue[aiosmtplib.SMTP | None] = asyncio.LifoQueue()
        for _ in range(connections):
            self._free.put_nowait(None)

    async def send(self, letter: Mail) -> None:
        """Hands over one letter."""
        client = await self._free.get()
        done = False
        try:
            async with asyncio.timeout(self._timeout_s):
                if client is None or not client.is_connected:
                    client = await self._connected()
                await self._say(client, letter)
            done = True
        except (RefusedError, BouncedError):
            done = True  # the server has answered: the connection is good
            raise
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # What it says of one recipient or message is of that one alone.
            alone = isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
            raise LaterError(_told(error), for_all=not alone) from None
        finally:
            if client is not None and not done:
                client.close()
                client = None
            self._free.put_nowait(client)

    async def close(self) -> None:
        """Says goodbye on what is open."""
        while not self._free.empty():
            client = self._free.get_nowait()
            if client is not None and client.is_connected:
                try:
                    async with asyncio.timeout(_QUIT_WITHIN_S):
                        await client.quit()
                except (aiosmtplib.SMTPException, OSError, TimeoutError):
                    client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        access = self._access
        tls = None if access.security == "none" else _trusting(access.ca)
        client = aiosmtplib.SMTP(
            hostname=access.host,
            port=access.port,
            timeout=self._timeout_s,
            use_tls=access.security == "tls",
            start_tls=access.security == "starttls",
            tls_context=tls,
            username=access.username,
            password=access.password,
        )
        await client.connect()
        return client

    async def _say(self, client: aiosmtplib.SMTP, letter: Mail) -> None:
        body = bytes_of(letter)
        try:
            await client.mail(letter.sender.address)
            await self._recipient(client, letter.to)
            await client.data(body)
        except aiosmtplib.SMTPResponseException as error:
            if client.is_connected:
                await client.rset()
            if isinstance(error, aiosmtplib.SMTPDataError) and 500 <= error.code < 600:
                raise RefusedError(f"the server refuses the message: {error.code}") from None
            raise

    async def _recipient(self, client: aiosmtplib.SMTP, to: str) -> None:
        try:
            await client.rcpt(to)
        except aiosmtplib.SMTPRecipientRefused as error:
            if not 500 <= error.code < 600:
                raise
            await client.rset()
            status = _ENHANCED.match(error.message)
            subject = f"{status[1]}.{status[2]}" if status else ""
            if error.code not in (550, 551, 553) or subject.startswith(_NO_FAULT_OF_THE_ADDRESS):
                raise RefusedError(f"the server refuses this recipient: {error.code} {subject}") from None
            raise BouncedError(f"no such recipient: {error.code} {subject}".rstrip()) from None


@functools.cache
def _trusting(ca: str | None) -> ssl.SSLContext:
    """Whom connections trust: read once, since the whole process waits for it, a twentieth of a second."""
    return ssl.create_default_context(cafile=ca)


def _told(error: Exception) -> str:
    """What went wrong, without what the server said: it repeats addresses."""
    code = getattr(error, "code", None)
    return f"the mail server: {type(error).__name__}{f' {code}' if code else ''}"
