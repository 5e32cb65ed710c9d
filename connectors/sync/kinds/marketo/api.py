"""Calls to Marketo's REST API, whose errors come in answers of 200: tokens, errors, waits."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from connectors.sync.caller import Answer, Line
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError
from scorer.times import SECOND, Micros

_STALE: Final = frozenset({"601", "602"})
"""The token is none, or has ended."""
_LOCKED_OUT: Final = frozenset({"600", "603"})
_WAITS_S: Final = {"606": 20.0, "615": 2.0}
"""Too many in 20 seconds; too many at once."""
_QUOTA: Final = "607"
_LATER: Final = frozenset({"502", "604", "608", "611", "713"})
"""Marketo's own trouble: the same call may do later."""
_CST: Final = timezone(timedelta(hours=-6))
"""Where a day's quota begins anew at midnight; where they mean Chicago's, an hour late in summer."""
_EARLY_S: Final = 60


class Credentials(msgspec.Struct, frozen=True):
    """A custom service of LaunchPoint."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class RefusedError(CrmError):
    """`success: false`, for what was asked."""


class Api:
    """One subscription."""

    def __init__(self, url: str, credentials: Credentials, line: Line, clock: Callable[[], Micros]) -> None:
        self._url = url
        self._credentials = credentials
        self._line = line
        self._clock = clock
        self._token = ""
        self._ends = 0

    async def get(self, path: str, asked: Mapping[str, str | int] | None = None) -> Mapping[str, Any]:
        """The answer to a question."""
        query = f"?{urlencode(asked)}" if asked else ""
        return await self._call("GET", f"/rest/v1/{path}{query}", {}, b"")

    async def ask(self, path: str, asked: Mapping[str, str | int]) -> Mapping[str, Any]:
        """The answer to a question that is too long for an address: as a form, marked as a GET."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._call("POST", f"/rest/v1/{path}?_method=GET", headers, urlencode(asked).encode())

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to something told."""
        headers = {"Content-Type": "application/json"}
        return await self._call("POST", f"/rest/v1/{path}", headers, msgspec.json.encode(body))

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes
    ) -> Mapping[str, Any]:
        for last in (False, True):
            sent = {"Accept": "application/json", "Authorization": f"Bearer {await self._authorise()}"}
            answer = await self._line.call(method, f"{self._url}{path}", {**sent, **headers}, content)
            code, message = _said(answer)
            if code in _STALE and not last:
                self._token = ""
                continue
            if not code:
                told: Mapping[str, Any] = answer.json()
                return told
            raise self._error(code, f"Marketo answers {code}: {message}", answer)
        raise AssertionError  # the second turn returns or raises

    def _error(self, code: str, message: str, answer: Answer) -> CrmError:
        if code == _QUOTA:
            return ThrottledError(message, _until_midnight_s(self._clock()))
        if code in _WAITS_S:
            return ThrottledError(message, _WAITS_S[code])
        if code in _LATER or answer.status >= 500 or 300 <= answer.status < 400:
            return AwayError(message)
        if answer.status == 429:
            return ThrottledError(message, answer.wait_s)
        if code in _STALE or code in _LOCKED_OUT or answer.status in (401, 403):
            return LockedOutError(message)
        return RefusedError(message)

    async def _authorise(self) -> str:
        if self._token and self._clock() < self._ends:
            return self._token
        asked = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
            }
        )
        address = f"{self._url}/identity/oauth/token?{asked}"
        answer = await self._line.call("GET", address, {"Accept": "application/json"}, lane="token")
        if answer.status == 429 or answer.status >= 500 or 300 <= answer.status < 400:
            raise AwayError(f"Marketo answers {answer.status} to the request of a token")
        told = answer.json()
        if answer.status != 200 or "access_token" not in told:
            why = str(told.get("error_description") or told.get("error"))[:300]
            raise LockedOutError(f"Marketo gives no token: {why}")
        lasts = int(told.get("expires_in", 3_600))  # of one that was given before, what is left
        self._token = str(told["access_token"])
        self._ends = self._clock() + max(lasts - _EARLY_S, lasts // 2) * SECOND
        return self._token


def _said(answer: Answer) -> tuple[str, str]:
    """The first error's code and message; no code where all went well."""
    try:
        told = msgspec.json.decode(answer.body)
        if answer.status == 200 and told["success"] is True:
            return "", ""
        first = told["errors"][0]
        return str(first["code"]), str(first["message"])[:500]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        if answer.status == 200:
            raise AwayError("the answer is none of Marketo's") from None
        return str(answer.status), "no reason given"


def _until_midnight_s(now: Micros) -> float:
    """How long until the quota begins anew.

    >>> _until_midnight_s(Micros(1_790_000_000_000_000))
    56800.0
    """
    there = datetime.fromtimestamp(now / SECOND, _CST)
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.timestamp() - now / SECOND
