"""Calls to HubSpot: tokens, errors, and how long to wait where it says only which limit was reached."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from connectors.sync.caller import Answer, Line
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError
from scorer.times import SECOND, Micros

SEARCH: Final = "search"
"""The lane of searches, which have a limit of their own."""
_WAITS_S: Final = {"DAILY": 3_600.0, "TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
"""By the policy that a 429 names: a day's is over at midnight, of a time zone that the API doesn't tell."""
_LOCKED_S: Final = 2.0
"""After a 423, at the least."""
_EARLY_S: Final = 120
_BUSY: Final = frozenset({423, 429, 477})


class Credentials(msgspec.Struct, frozen=True):
    """A token that doesn't end, or what gives one for half an hour."""

    token: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "Credentials()"


class Api:
    """One account."""

    def __init__(self, url: str, credentials: Credentials, line: Line, clock: Callable[[], Micros]) -> None:
        self._url = url
        self._credentials = credentials
        self._line = line
        self._clock = clock
        self._token = ""
        self._ends = 0

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, lane: str = ""
    ) -> Answer:
        """One request; an answer of 4xx that says something of what was asked is given back."""
        content = b"" if body is None else msgspec.json.encode(body)
        for last in (False, True):
            headers = {
                "Accept": "application/json",
                "Authorization": f"Bearer {await self._authorise()}",
                **({} if body is None else {"Content-Type": "application/json"}),
            }
            answer = await self._line.call(method, f"{self._url}{path}", headers, content, lane)
            if answer.status == 401 and not last and not self._credentials.token:
                self._token = ""  # ended before its time: once more, with a new one
                continue
            if answer.status in (401, 403):
                raise LockedOutError(f"HubSpot doesn't let us: {said(answer)}")
            if answer.status in _BUSY:
                raise ThrottledError(f"too fast for HubSpot: {said(answer)}", _wait_s(answer))
            if answer.status >= 500 or 300 <= answer.status < 400:
                raise AwayError(f"HubSpot answers {answer.status}: {said(answer)}")
            return answer
        raise AssertionError  # the second turn returns or raises

    async def _authorise(self) -> str:
        credentials = self._credentials
        if credentials.token:
            return credentials.token
        if self._token and self._clock() < self._ends:
            return self._token
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "refresh_token": credentials.refresh_token,
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._line.call("POST", f"{self._url}/oauth/v3/token", headers, form.encode())
        if answer.status in _BUSY:
            raise ThrottledError("too fast for HubSpot's tokens", _wait_s(answer))
        if answer.status >= 500:
            raise AwayError(f"HubSpot answers {answer.status} to the request of a token")
        if answer.status != 200:
            raise LockedOutError(f"HubSpot gives no token: {said(answer)}")
        told = answer.json()
        lasts = int(told.get("expires_in", 1_800))
        self._token = str(told["access_token"])
        self._ends = self._clock() + max(lasts - _EARLY_S, lasts // 2) * SECOND
        return self._token


def said(answer: Answer) -> str:
    """An error in HubSpot's own words; any of its fields may be missing."""
    try:
        told = msgspec.json.decode(answer.body)
        words = [str(told["message"]), *(str(one.get("message")) for one in told.get("errors") or ())]
        return "; ".join(dict.fromkeys(words))[:500]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return "no reason given"


def error_of(answer: Answer) -> CrmError:
    """What an answer of 4xx means where nothing of the kind was expected."""
    return CrmError(f"HubSpot answers {answer.status}: {said(answer)}")


def _wait_s(answer: Answer) -> float:
    if answer.wait_s is not None:
        return answer.wait_s
    if answer.status == 423:
        return _LOCKED_S
    try:
        policy = str(msgspec.json.decode(answer.body).get("policyName", ""))
    except (msgspec.DecodeError, AttributeError):
        policy = ""
    return _WAITS_S.get(policy, _WAITS_S["TEN_SECONDLY_ROLLING"])
