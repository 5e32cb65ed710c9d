"""Calls to the Dataverse Web API: tokens, headers, errors, batches."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from connectors.sync.caller import Answer, Line
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError
from scorer.times import SECOND, Micros

PATH: Final = "/api/data/v9.2"
_HEADERS: Final = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}
_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?')
_EARLY_S: Final = 300
"""A token is changed for a new one so long before its end."""


class Credentials(msgspec.Struct, frozen=True):
    """An app registration in Microsoft Entra ID."""

    authority: str
    tenant: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class Operation(msgspec.Struct, frozen=True):
    """One request of a batch."""

    method: str
    path: str
    """Behind `/api/data/v9.2/`."""
    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}


class Result(msgspec.Struct, frozen=True):
    """What became of an operation."""

    status: int
    code: str = ""
    message: str = ""

    @property
    def done(self) -> bool:
        """Whether it was carried out."""
        return 200 <= self.status < 300


class Api:
    """One environment."""

    def __init__(self, url: str, credentials: Credentials, line: Line, clock: Callable[[], Micros]) -> None:
        self.url = url
        self._credentials = credentials
        self._line = line
        self._clock = clock
        self._token = ""
        self._ends = 0

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; whatever is no answer to it raises. `path` may be a link that an answer held."""
        content = b"" if body is None else msgspec.json.encode(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        return await self._call(method, path, {**kind, **(headers or {})}, content)

    async def batch(self, operations: Sequence[Operation]) -> list[Result]:
        """Operations in one request, each for itself: one that fails leaves the others as they are."""
        boundary = f"batch_{uuid.uuid4()}"
        parts = [_part(boundary, operation) for operation in operations]
        content = b"".join(parts) + f"--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "Prefer": "odata.continue-on-error",
        }
        answer = await self._call("POST", "$batch", headers, content)
        if answer.status >= 400:
            raise error_of(answer)
        results = _results(answer)
        if len(results) != len(operations):
            raise AwayError(f"a batch of {len(operations)} got {len(results)} answers")
        return results

    async def _call(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        for last in (False, True):
            token = await self._authorise()
            sent = {**_HEADERS, "Authorization": f"Bearer {token}", **headers}
            answer = await self._line.call(method, self._address(path), sent, content)
            if answer.status == 401 and not last:
                self._token = ""  # taken back before its end: once more, with a new one
                continue
            if answer.status in (401, 403):
                raise LockedOutError(f"Dataverse doesn't let us: {_said(answer).message}")
            if answer.status == 429:
                raise ThrottledError(f"too fast for Dataverse: {_said(answer).message}", answer.wait_s)
            if answer.status >= 500 or 300 <= answer.status < 400:  # nobody moves an environment
                raise AwayError(f"Dataverse answers {answer.status}: {_said(answer).message}")
            return answer
        raise AssertionError  # the second turn returns or raises

    def _address(self, path: str) -> str:
        """A link of an answer is followed within the environment alone: the token is for nobody else."""
        if not path.startswith(("http://", "https://")):
            return f"{self.url}{PATH}/{path}"
        own, other = urlsplit(self.url), urlsplit(path)
        if (own.scheme, own.netloc) != (other.scheme, other.netloc):
            raise AwayError("an answer held a link to somewhere else")
        return path

    async def _authorise(self) -> str:
        if self._token and self._clock() < self._ends:
            return self._token
        credentials = self._credentials
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "scope": f"{self.url}/.default",
            }
        )
        address = f"{credentials.authority}/{quote(credentials.tenant)}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._line.call("POST", address, headers, form.encode(), lane="token")
        if answer.status == 429:
            raise ThrottledError("too fast for Microsoft Entra ID", answer.wait_s)
        if answer.status >= 500:
            raise AwayError(f"Microsoft Entra ID answers {answer.status}")
        told = answer.json()
        if answer.status != 200:
            why = str(told.get("error_description") or told.get("error"))[:300]
            raise LockedOutError(f"Microsoft Entra ID gives no token: {why}")
        lasts = int(told.get("expires_in", 3_600))
        self._token = str(told["access_token"])
        self._ends = self._clock() + max(lasts - _EARLY_S, lasts // 2) * SECOND
        return self._token


def error_of(answer: Answer) -> CrmError:
    """What an answer of 4xx means where nothing of the kind was expected."""
    said = _said(answer)
    return CrmError(f"Dataverse answers {answer.status} {said.code}: {said.message}")


def result_of(answer: Answer) -> Result:
    """What an answer says of its request."""
    return Result(answer.status) if answer.status < 400 else _said(answer)


def _said(answer: Answer) -> Result:
    """An error in its own words: {"error": {"code": "0x…", "message": "…"}}."""
    return _error(answer.status, answer.body)


def _error(status: int, body: bytes) -> Result:
    try:
        told = msgspec.json.decode(body)["error"]
        return Result(status, str(told.get("code", "")), str(told.get("message", ""))[:500])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return Result(status, "", "no reason given")


def _part(boundary: str, operation: Operation) -> bytes:
    named = {"Content-Type": "application/json; type=entry", **operation.headers}
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"{operation.method} {PATH}/{operation.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in named.items()),
        "",
        msgspec.json.encode(operation.body).decode(),
        "",
    ]
    return "\r\n".join(lines).encode()


def _results(answer: Answer) -> list[Result]:
    """The parts of multipart/mixed, each an answer of HTTP; the standard library's parser takes a second."""
    found = _BOUNDARY.search(answer.headers.get("content-type", ""))
    if found is None:
        raise AwayError("the answer to a batch is none")
    body = answer.body.replace(b"\r\n", b"\n")
    results = []
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        _, _, inner = part.partition(b"\n\n")
        head, _, content = inner.partition(b"\n\n")
        status = int(head.split(None, 2)[1])
        results.append(Result(status) if status < 400 else _error(status, content))
    return results
