"""Asks other people's machines over HTTP: guarded against where it may lead and what may come back.

No redirects, no proxy or secret of the environment, no compression; private addresses only where allowed; a
deadline for the whole, however slowly an answer drips; as much of an answer as was asked for.
"""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore
import httpx

from connectors.outward.addresses import Allowed
from connectors.outward.backend import GuardedBackend, Resolve, SystemResolver
from connectors.outward.errors import AnswerTooLargeError, InvalidAddressError, NoAnswerError
from scorer.times import SECOND, Micros

_KEPT_S: Final = 30.0
"""How long a connection is kept that nobody uses."""
_DEFAULT_HEADERS: Final = {"accept": "*/*", "accept-encoding": "identity"}


@dataclass(frozen=True)
class Answer:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def retry_after_s(self, now: Micros) -> float | None:
        """The seconds that Retry-After asks to wait, or until the date it names; None: nothing readable."""
        told = self.headers.get("retry-after", "").strip()
        if told.isascii() and told.isdecimal():
            return float(told)
        try:
            date = parsedate_to_datetime(told)
        except ValueError:
            return None
        return max(0.0, date.timestamp() - now / SECOND)


class OutwardClient:
    """Keeps its connections; one for each destination, so that none waits for another's."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        connect_s: float = 5.0,
        total_s: float = 15.0,
        most_bytes: int = 1 << 20,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: whose certificates are believed; None: those of public authorities."""
        self._connect_s = connect_s
        self._total_s = total_s
        self._most_bytes = most_bytes
        self._resolver = SystemResolver() if resolve is None else None
        backend = GuardedBackend(allowed, resolve or self._resolver)  # type: ignore[arg-type]
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or httpx.create_ssl_context(trust_env=False),
            keepalive_expiry=_KEPT_S,
            network_backend=backend,
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        most_bytes: int | None = None,
    ) -> Answer:
        """The answer to one request, whatever its status; OutwardError where there is none.

        `most_bytes` of its body: 0 asks for the status alone, and waits for no body.
        """
        most = self._most_bytes if most_bytes is None else most_bytes
        try:
            async with asyncio.timeout(self._total_s):
                return await self._send(method, url, {**(headers or {})}, content, most)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self._total_s:g} s") from None
        except (httpx.InvalidURL, httpcore.UnsupportedProtocol):
            raise InvalidAddressError("its address is no valid http or https URL") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise NoAnswerError(f"no answer: {type(error).__name__}") from None

    async def _send(
        self, method: str, url: str, headers: dict[str, str], content: bytes, most: int
    ) -> Answer:
        target = httpx.URL(url)
        if target.userinfo:
            login = f"{target.username}:{target.password}".encode()
            headers.setdefault("authorization", f"Basic {base64.b64encode(login).decode()}")
        given = {name.lower() for name in headers}
        defaults = [one for one in _DEFAULT_HEADERS.items() if one[0] not in given]
        async with self._pool.stream(
            method,
            httpcore.URL(
                scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
            ),
            headers=[*defaults, *headers.items()],
            content=content,
            extensions={"timeout": {"connect": self._connect_s, "read": None, "write": None, "pool": None}},
        ) as response:
            found = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            if most == 0:
                if found.get("content-length") == "0" or response.status == 204:
                    await response.aread()  # nothing: so that the connection can be used again
                return Answer(response.status, found, b"")
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > most:
                    raise AnswerTooLargeError(f"the answer is longer than {most} bytes")
            return Answer(response.status, found, bytes(body))

    async def close(self) -> None:
        """Hangs up."""
        await self._pool.aclose()
        if self._resolver is not None:
            self._resolver.close()
